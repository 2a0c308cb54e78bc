import numpy as np
import pytest

from tests.metrics.reference import grid
from tfvae.codes import Codes
from tfvae.metrics import predictability_score

DATA = grid((40, 50))


def score(mean, log_variance=None):
    codes = Codes.from_arrays(DATA, mean, log_variance)
    return predictability_score(codes, np.random.default_rng(0), train=1_200, test=800, repeats=2)


def test_known_shares():
    a, b = np.random.default_rng(0).normal(size=(2, 2_000))
    result = score(np.stack([a, b, a + 0.01 * b], axis=1))
    # Trees of depth 3 are coarse at the ends; nothing that 100 of them find predicts b.
    assert result["per_latent"] == pytest.approx([1, 0, 1], abs=0.08)
    noisy = score(np.stack([a, a + b], axis=1))
    # E(a | a + b) leaves half of each variance, the closed form for Gaussians; trees fit some noise.
    assert noisy["per_latent"] == pytest.approx([0.5, 0.5], abs=0.1)


def test_sees_dependence_that_a_covariance_does_not():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 2_000)
    square = np.stack([np.cos(angle), np.cos(angle) ** 2], axis=1)
    assert abs(np.corrcoef(square.T)[0, 1]) < 0.1
    first, second = score(square)["per_latent"]
    assert second > 0.95
    assert first < 0.1


def test_dead_and_single_latents_are_not_predictors():
    a, b = np.random.default_rng(0).normal(size=(2, 2_000))
    mean = np.stack([a, b, 1e-3 * a], axis=1)
    log_variance = np.tile([-4.0, -4, 0], (2_000, 1))
    result = score(mean, log_variance)
    assert (result["score"], result["active_latents"], len(result["per_latent"])) == (0, 2, 3)
    assert score(mean)["score"] > 0.5
    assert score(mean[:, :1])["score"] == 0
