import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif

from tests.metrics.test_normalised_information import ross
from tfvae.metrics.neighbours import neighbour_information


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("neighbours", [1, 3, 10])
def test_the_estimate_equals_naive_loops(neighbours, seed):
    rng = np.random.default_rng(seed)
    y = np.append(rng.integers(2 + 3 * seed, size=90), 50 + np.arange(seed))  # some are alone in their class
    x = np.round(y + 3 * rng.normal(size=len(y)), seed + 1) + 1e-10 * rng.normal(size=len(y))  # near ties
    assert neighbour_information(x, y, neighbours) == pytest.approx(ross(x, y, neighbours), abs=1e-12)


def test_the_estimate_equals_scikit_learn():
    rng = np.random.default_rng(0)
    y = rng.integers(12, size=3_000)
    x = np.sin(y) + 0.3 * rng.normal(size=3_000)
    expected = mutual_info_classif(x[:, None], y, discrete_features=False, n_neighbors=10, random_state=0)[0]
    assert neighbour_information(x, y, 10) == pytest.approx(expected, abs=1e-9)


def test_points_that_are_alone_tell_nothing():
    assert neighbour_information(np.arange(4.0), np.arange(4), 3) == 0
    assert neighbour_information(np.arange(4.0), np.array([0, 0, 1, 2]), 3) == 0
