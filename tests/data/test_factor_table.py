import numpy as np
import pytest

from tfvae.data import FactorSpace, FactorTable, GroundTruthData, ImageData
from tfvae.data.arrangement import arranged
from tfvae.data.factor_table import described, is_discrete, rows_of, summary

SPACE = FactorSpace(("shape", "angle"), (np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.5])))
EVERY = np.arange(len(SPACE))


def grid_as_table():
    return FactorTable(SPACE.names, SPACE.values_of(EVERY))


def test_a_grid_written_as_a_table_is_the_grid():
    table = grid_as_table()
    assert (table.names, table.sizes, len(table)) == (SPACE.names, SPACE.sizes, len(SPACE))
    np.testing.assert_array_equal(table.to_factors(EVERY), SPACE.to_factors(EVERY))
    np.testing.assert_array_equal(table.values_of(EVERY), SPACE.values_of(EVERY))
    assert table.continuous == SPACE.continuous == (False, False)


def columns(rows):
    """Columns of N values, by what they are: half of them are discrete, whatever the values."""
    rng = np.random.default_rng(0)
    return {
        "labels": (np.arange(rows) % 10, False),
        "angles": (np.arange(rows) % 40 * np.pi / 20, False),
        "cars": (np.arange(rows) % 183, False),
        "flags": (np.arange(rows) % 7 == 0, False),
        "rows": (np.arange(rows), True),
        "millimetres": (rng.integers(0, 3_000, rows), True),
        "degrees": (np.arange(rows) % 360, True),
        "metres": (rng.random(rows), True),
    }


@pytest.mark.parametrize("name", columns(1))
def test_a_factor_is_discrete_if_its_values_are_few_and_occur_again(name):
    values, continuous = columns(1_000)[name]
    for same in (values, values / 7, -3.5 - 0.25 * values):
        assert FactorTable([name], same[:, np.newaxis]).continuous == (continuous,)


def test_the_rule_for_discrete_factors_at_its_limits():
    assert [is_discrete(values, 1_000) for values in (200, 201)] == [True, False]
    assert [is_discrete(values, 20) for values in (10, 11)] == [True, False]
    # A factor with two values is discrete in any table.
    assert [is_discrete(values, 3) for values in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    "continuous", [[True, False], (np.True_, np.False_), {"shape": True}, {"shape": True, "angle": False}]
)
def test_what_is_declared_overrules_the_rule(continuous):
    table = FactorTable(SPACE.names, SPACE.values_of(EVERY), continuous=continuous)
    assert table.continuous == (True, False)
    assert described(table) == {"discrete": {"angle": 2}, "continuous": {"shape": 3}}


@pytest.mark.parametrize("continuous", [[True], {"size": True}, ["shape", "angle"], {"shape": 1}])
def test_declarations_that_do_not_fit_are_refused(continuous):
    with pytest.raises(ValueError, match=r"2 booleans, or booleans by name out of \['shape', 'angle'\]"):
        FactorTable(SPACE.names, SPACE.values_of(EVERY), continuous=continuous)


def test_numbers_may_be_objects():
    mixed = np.array([[True, 0.5, 2], [False, np.float32(0.25), np.int64(3)]], object)
    np.testing.assert_array_equal(FactorTable("abc", mixed).values_of(np.arange(2)), [[1, 0.5, 2], [0, 0.25, 3]])


def test_large_integers_are_taken_while_float64_tells_them_apart():
    assert FactorTable("a", 2**62 + 2**40 * np.arange(3)[:, np.newaxis]).sizes == (3,)


@pytest.mark.parametrize("factors", [SPACE, grid_as_table()], ids=["grid", "table"])
def test_partners_are_uniform_among_images_that_share_the_value(factors):
    rng = np.random.default_rng(0)
    for column in range(2):
        for index in EVERY:
            drawn = factors.partners(np.full(6000, index), column, rng)
            shared = np.flatnonzero(factors.to_factors(EVERY)[:, column] == factors.to_factors([index])[0, column])
            counts = np.bincount(drawn, minlength=len(EVERY))
            assert set(np.flatnonzero(counts)) == set(shared)
            # 4 standard deviations of a binomial count.
            expected = 6000 / len(shared)
            assert np.all(np.abs(counts[shared] - expected) < 4 * np.sqrt(expected))


@pytest.mark.parametrize("factors", [SPACE, grid_as_table()], ids=["grid", "table"])
def test_images_are_drawn_uniformly(factors):
    counts = np.bincount(factors.sample(6000, np.random.default_rng(0)), minlength=6)
    assert np.all(np.abs(counts - 1000) < 4 * np.sqrt(1000))


def test_an_image_shares_a_continuous_value_only_with_itself():
    table = FactorTable(["x"], np.random.default_rng(0).random((50, 1)))
    np.testing.assert_array_equal(table.partners(np.arange(50), 0, np.random.default_rng(1)), np.arange(50))


def test_images_of_a_table_cannot_be_found_by_factors():
    images = np.zeros((6, 2, 2, 1), np.uint8)
    data = GroundTruthData("mine", grid_as_table(), images)
    assert data.scored_factors == SPACE.names
    with pytest.raises(ValueError, match="form a grid"):
        data.images_of(np.zeros((1, 2), int))
    assert len(ImageData("alone", images)) == 6


@pytest.mark.parametrize(
    ("names", "table", "error", "message"),
    [
        (["a"], np.array([["x"], [2], [3]], object), TypeError, "numbers or text.*int, str in 'a'"),
        (["a"], np.array([["2020-01-01"]], "datetime64"), TypeError, "numbers or text.*datetime64"),
        (["a"], np.array([["x"], [None]], object), ValueError, "none missing.*None in 'a', row 1"),
        (["a"], np.array([["x"], [np.nan]], object), ValueError, "none missing.*nan in 'a', row 1"),
        (["a"], np.zeros((3, 2)), ValueError, r"\[N, 1\].*\(3, 2\)"),
        (["a"], np.zeros((0, 1)), ValueError, "shape"),
        (["a", "a"], np.zeros((3, 2)), ValueError, "different"),
        (["a", "b"], np.array([[0, np.nan]]), ValueError, r"NaN.*\['b'\]"),
        (
            ["a", "b"],
            np.array([[0, 2**62], [1, 2**62 + 1]]),
            ValueError,
            r"float64 tells apart.*in \['b'\]",
        ),
        (["a"], np.array([[2**63], [2**63 + 1]], np.uint64), ValueError, "subtract the smallest"),
    ],
)
def test_bad_tables_are_refused(names, table, error, message):
    with pytest.raises(error, match=message):
        FactorTable(names, table)


def test_text_becomes_sorted_labels_and_text_of_numbers_becomes_numbers():
    cells = [["dog", "10", "2"], ["cat", "9", "2b"], ["dog", "-1.5e1", "2"], ["owl", "9", "10"]]
    for table in (np.array(cells), np.array(cells, object), np.array(cells, "S"), cells):
        factors = FactorTable(["kind", "age", "code"], table)
        assert factors.labels == {"kind": ("cat", "dog", "owl"), "code": ("10", "2", "2b")}
        np.testing.assert_array_equal(factors.values_of(np.arange(4)), [[1, 10, 1], [0, 9, 2], [1, -15, 1], [2, 9, 0]])
        np.testing.assert_array_equal(factors.values[1], [-15, 9, 10])
    mixed = FactorTable(["kind", "age"], np.array([["dog", 10], ["cat", 9.5]], object))
    assert mixed.labels == {"kind": ("cat", "dog")}
    np.testing.assert_array_equal(mixed.values_of(np.arange(2)), [[1, 10], [0, 9.5]])


@pytest.mark.parametrize("missing", ["NA", "null", "nan", "", "inf", " - "])
def test_a_missing_value_does_not_turn_numbers_into_labels(missing):
    with pytest.raises(ValueError, match=f"{missing!r} in 'age', row 1"):
        FactorTable(["age"], [["1.5"], [missing], ["2"]])


def test_text_is_discrete_however_many_values_it_has():
    factors = FactorTable(["name", "age"], [[f"n{k}", k] for k in range(300)])
    assert factors.continuous == (False, True)
    with pytest.raises(ValueError, match=r"continuous factors of numbers\. Received: \['name'\]"):
        FactorTable(["name"], [["a"], ["b"]], continuous=[True])


def test_rows_keep_their_labels_and_values():
    factors = FactorTable(["kind", "age"], [["owl", 1], ["cat", 2], ["dog", 3], ["owl", 4]])
    some = rows_of(factors, np.array([0, 2, 3]))
    np.testing.assert_array_equal(some.values_of(np.arange(3)), [[2, 1], [1, 3], [2, 4]])
    np.testing.assert_array_equal(some.to_factors(np.arange(3))[:, 0], [1, 0, 1])
    assert described(some)["labels"] == {"kind": ["dog", "owl"]}
    for labels in ({"kind": ["cat"]}, {"other": ["cat", "dog"]}):
        with pytest.raises(ValueError, match="Expected labels of factors"):
            FactorTable(["kind"], [[0], [1]], labels=labels)


def test_a_grid_of_labels_stays_a_grid():
    rows = [[kind, size] for size in (2, 10) for kind in ("dog", "cat")]
    factors, order = arranged(["kind", "size"], np.array(rows, object))
    assert factors.is_grid
    assert factors.labels == {"kind": ("cat", "dog")}
    assert order.tolist() == [1, 3, 0, 2]
    with pytest.raises(ValueError, match="Expected labels of factors"):
        FactorSpace(["kind"], [range(2)], {"kind": ["cat"]})


def test_a_summary_names_the_labels():
    factors = FactorTable(["kind", "age", "one"], [[f"n{k % 9}", k / 7, 0] for k in range(30)])
    found = described(factors, ["one"])
    assert found["labels"] == {"kind": [f"n{k}" for k in range(9)]}
    assert summary(found) == "discrete kind (9: n0, n1, n2, n3, n4, n5, n6, n7, ...); continuous age (30); ignored one"
