import numpy as np
import pytest

from tfvae.data import FactorSpace, FactorTable, GroundTruthData, ImageData, labelled

GRID = FactorSpace(["one", "a", "b"], [[7.0], range(3), [5.0, 6.0, 9.0, 11.0]])
PIXELS = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1)


@pytest.mark.parametrize("table", [False, True])
def test_labels_are_shares_of_the_values_of_the_factors_that_vary(table):
    factors = FactorTable(GRID.names, GRID.to_factors(np.arange(12)), continuous=[False] * 3) if table else GRID
    images, labels = labelled(GroundTruthData("grid", factors, PIXELS), 12)
    assert (images.dtype, labels.dtype) == (np.float32, np.float32)
    places = np.round(255 * images[:, 0, 0, 0]).astype(int)
    assert sorted(places) == list(range(12))
    np.testing.assert_allclose(labels, [[place // 4 / 3, place % 4 / 4] for place in places], rtol=1e-6)


def test_the_seed_chooses_images_that_differ():
    data = GroundTruthData("grid", GRID, PIXELS)
    drawn = [labelled(data, 6, seed=seed)[0].ravel() for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert set(drawn[0]) != set(drawn[2])
    assert len(set(drawn[0])) == 6


@pytest.mark.parametrize(
    ("data", "number", "message"),
    [
        (ImageData("photos", PIXELS), 3, "Expected data with known factors that vary. Received: 'photos'"),
        (GroundTruthData("one", FactorSpace(["a"], [[1.0]]), PIXELS[:1]), 1, "factors that vary. Received: 'one'"),
        (GroundTruthData("grid", GRID, PIXELS), 13, "Expected 1 to 12 labelled images of 'grid'. Received: 13"),
        (GroundTruthData("grid", GRID, PIXELS), 0, "Received: 0"),
        (GroundTruthData("grid", GRID, PIXELS), 2.5, r"Received: 2\.5"),
    ],
)
def test_data_without_so_many_labels_are_refused(data, number, message):
    with pytest.raises(ValueError, match=message):
        labelled(data, number)
