import numpy as np
import pytest

from tests.metrics.reference import grid
from tfvae.codes import Codes
from tfvae.metrics import gaussian_total_correlation_score

DATA = grid((50, 60))


def score(mean, **parameters):
    codes = Codes.from_arrays(DATA, mean)
    return gaussian_total_correlation_score(codes, np.random.default_rng(0), **parameters)["score"]


def test_two_latents_have_the_closed_form():
    a, b = np.random.default_rng(0).normal(size=(2, 3_000))
    mean = np.stack([a, 0.6 * a + 0.8 * b, 100 * b], axis=1)
    correlation = np.corrcoef(np.float32(mean).T.astype(float))
    assert score(mean[:, :2]) == pytest.approx(-0.5 * np.log(1 - correlation[0, 1] ** 2), rel=1e-6)
    spectrum = np.linalg.slogdet(correlation[[0, 2]][:, [0, 2]])[1]
    assert score(mean[:, [0, 2]]) == pytest.approx(-0.5 * spectrum, abs=1e-9)


def test_equals_the_divergence_of_gaussians():
    mean = np.random.default_rng(0).normal(size=(3_000, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    c = np.cov(np.float32(mean).T.astype(float))
    marginals = np.diag(np.diag(c))
    kl = 0.5 * (np.trace(np.linalg.solve(marginals, c)) - 4 + np.log(np.linalg.det(marginals) / np.linalg.det(c)))
    assert score(mean) == pytest.approx(kl, rel=1e-6)


def test_copies_are_finite():
    a = np.random.default_rng(0).normal(size=(3_000, 1))
    # The eigenvalues are 2 and the smallest one allowed.
    assert score(np.concatenate([a, -3 * a], axis=1)) == pytest.approx(0.5 * np.log(1e12 / 2), abs=0.1)
    assert score(a) == 0
