import numpy as np
import pytest
from scipy.linalg import sqrtm

from tests.metrics.reference import grid
from tfvae.codes import Codes
from tfvae.metrics import wasserstein_correlation_score

DATA = grid((50, 60))


def score(mean, **parameters):
    return wasserstein_correlation_score(Codes.from_arrays(DATA, mean), np.random.default_rng(0), **parameters)


def test_equals_the_distance_of_gaussians():
    mean = np.random.default_rng(0).normal(size=(3_000, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    c = np.cov(np.float32(mean).T.astype(float))
    marginals = np.diag(np.diag(c))
    root = sqrtm(marginals)
    distance = np.trace(c + marginals - 2 * sqrtm(root @ c @ root)).real
    result = score(mean)
    assert result["unnormalised"] == pytest.approx(distance, rel=1e-6)
    assert result["score"] == pytest.approx(distance / np.trace(c), rel=1e-6)


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_copies_have_the_closed_form(copies):
    a = np.random.default_rng(0).normal(size=(3_000, 1))
    # One eigenvalue D s^2 of G^0.5 C G^0.5 = s^4 [1]: its root is sqrt(D) s^2, the trace D s^2.
    assert score(np.tile(a, (1, copies)))["score"] == pytest.approx(2 - 2 / copies**0.5, abs=1e-6)


def test_a_common_scale_does_not_matter():
    mean = np.random.default_rng(0).normal(size=(3_000, 3)) @ np.random.default_rng(1).normal(size=(3, 3))
    assert score(1e-4 * mean)["score"] == pytest.approx(score(mean)["score"], rel=1e-4)
