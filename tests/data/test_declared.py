import numpy as np
import pytest

import tfvae.data
from tfvae.codes.cache import codes_key
from tfvae.data import FactorSpace, FactorTable, GroundTruthData, ImageData
from tfvae.data.declared import declared

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(2, 256, (60, 4, 4, 1), np.uint8)
ROWS = np.arange(60)
GRID = np.stack(np.unravel_index(RNG.permutation(60), (3, 4, 5)), axis=1) * 1.5
TABLE = np.column_stack([RNG.integers(3, size=60), RNG.normal(size=60), RNG.integers(4, size=60)])


@pytest.fixture
def saved(tmp_path):
    def save(factors):
        names = np.array(["make", "age", "7"])
        np.savez(tmp_path / "x.npz", images=IMAGES, factors=factors, factor_names=names)
        return f"npz:{tmp_path / 'x.npz'}"

    return save


@pytest.mark.parametrize(
    ("options", "continuous"),
    [
        ("", ["age"]),
        ("?continuous=make", ["make", "age"]),
        ("?continuous=make,7", ["make", "age", "7"]),
        ("?continuous=7", ["age", "7"]),
        ('?continuous=["make"]&discrete=age', ["make"]),
        ("?discrete=age", []),
    ],
)
def test_an_option_overrules_the_rule_for_the_factors_that_it_names(saved, options, continuous):
    data = tfvae.data.load(saved(TABLE) + options)
    assert [name for name, each in zip(data.factors.names, data.factors.continuous, strict=True) if each] == continuous
    np.testing.assert_array_equal(data.factors.values_of(ROWS), TABLE)
    np.testing.assert_array_equal(data.images(ROWS), IMAGES)
    assert data.scored_factors == ("make", "age", "7")


def test_a_grid_with_a_continuous_factor_is_a_table_in_the_same_order(saved):
    name = saved(GRID)
    grid, table, same = (tfvae.data.load(name + option) for option in ("", "?continuous=age", "?discrete=age"))
    assert isinstance(grid.factors, FactorSpace)
    assert isinstance(same.factors, FactorSpace)
    assert isinstance(table.factors, FactorTable)
    assert table.factors.continuous == (False, True, False)
    np.testing.assert_array_equal(table.factors.values_of(ROWS), grid.factors.values_of(ROWS))
    np.testing.assert_array_equal(table.images(ROWS), grid.images(ROWS))
    # The images are the same, so their codes are too.
    assert codes_key("model", table) == codes_key("model", grid)


def test_correlated_and_held_out_data_keep_what_was_declared(saved):
    data = tfvae.data.load(saved(GRID) + "?continuous=age&held_out=make:0")
    assert data.factors.continuous == (False, True, False)
    assert len(data) == 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("?continuous=Age", r"continuous to be factors out of \['make', 'age', '7'\], each .* Received: 'Age'"),
        ("?discrete=age,", r"discrete to be factors out of .* Received: ''"),
        ("?continuous=age&discrete=age", "discrete to be .* each declared once. Received: 'age'"),
        ("?continuous", "Received: 'True'"),
        (
            "?continuous=age&factors=false",
            "Expected data with known factors for continuous and discrete. Received: 'npz:",
        ),
    ],
)
def test_names_are_checked(saved, options, message):
    with pytest.raises(ValueError, match=message):
        tfvae.data.load(saved(TABLE) + options)


def test_the_given_data_stay_as_they_are():
    data = GroundTruthData("table", FactorTable(["make", "age", "7"], TABLE), IMAGES)
    assert declared(data, continuous=["make"]).factors.continuous == (True, True, False)
    assert data.factors.continuous == (False, True, False)
    with pytest.raises(ValueError, match="'images', which has none"):
        declared(ImageData("images", IMAGES), discrete="make")
