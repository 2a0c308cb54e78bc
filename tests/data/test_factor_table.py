import numpy as np
import pytest

from tfvae.data import FactorSpace, FactorTable, GroundTruthData, ImageData

SPACE = FactorSpace(("shape", "angle"), (np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.5])))
EVERY = np.arange(len(SPACE))


def grid_as_table():
    return FactorTable(SPACE.names, SPACE.values_of(EVERY))


def test_a_grid_written_as_a_table_is_the_grid():
    table = grid_as_table()
    assert (table.names, table.sizes, len(table)) == (SPACE.names, SPACE.sizes, len(SPACE))
    np.testing.assert_array_equal(table.to_factors(EVERY), SPACE.to_factors(EVERY))
    np.testing.assert_array_equal(table.values_of(EVERY), SPACE.values_of(EVERY))
    assert table.continuous == (False, True)
    assert SPACE.continuous == (False, False)
    assert FactorTable(SPACE.names, SPACE.values_of(EVERY), continuous=(False, False)).continuous == (False, False)


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
        (["a"], np.array([["x"]]), TypeError, "numbers"),
        (["a"], np.zeros((3, 2)), ValueError, r"\[N, 1\].*\(3, 2\)"),
        (["a"], np.zeros((0, 1)), ValueError, "shape"),
        (["a", "a"], np.zeros((3, 2)), ValueError, "different"),
        (["a", "b"], np.array([[0, np.nan]]), ValueError, r"NaN.*\['b'\]"),
    ],
)
def test_bad_tables_are_refused(names, table, error, message):
    with pytest.raises(error, match=message):
        FactorTable(names, table)
