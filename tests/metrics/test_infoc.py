import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import infoc_score

DATA = grid((4, 4, 4))
F = scaled_factors(DATA)


def score(mean, log_variance=None, data=DATA, **parameters):
    return infoc_score(Codes.from_arrays(data, mean, log_variance), np.random.default_rng(0), **parameters)


@pytest.mark.parametrize("mean", [F, F[:, [2, 0, 1]] * [-3, 0.1, 10]])
def test_one_latent_a_factor_is_perfect(mean):
    assert score(mean)["score"] == pytest.approx(1)


@pytest.mark.parametrize("copies", [2, 3])
def test_copies_share_a_factor(copies):
    # max / sum = 1 / copies of 3 copies latents.
    expected = (1 / copies - 1 / (3 * copies)) / (1 - 1 / (3 * copies))
    assert score(np.tile(F, copies))["score"] == pytest.approx(expected)


def test_one_copy_concerns_one_factor():
    assert score(F[:, [0, 0, 1, 2]])["per_factor"] == pytest.approx([(1 / 2 - 1 / 4) / (3 / 4), 1, 1])


def test_a_factor_that_no_latent_has_scores_nothing():
    assert score(F[:, :2])["per_factor"] == pytest.approx([1, 1, 0], abs=1e-12)
    assert score(F[:, :1])["per_factor"] == pytest.approx([1, 0, 0], abs=1e-9)


def test_a_latent_of_several_factors_costs_nothing():
    assert score(np.column_stack([F[:, 0] + 10 * F[:, 1], F[:, 2]]))["score"] == pytest.approx(1)


def test_a_dead_copy_does_not_count():
    log_variance = np.tile([-4.0, -4, -4, 0], (64, 1))
    result = score(np.concatenate([F, 1e-3 * F[:, :1]], axis=1), log_variance)
    assert result["score"] == pytest.approx(1)
    assert result["active_latents"] == 3


def test_a_rotation_of_continuous_codes_is_less_compact():
    data = grid((2, 3, 40))
    f = scaled_factors(data)
    turned = f @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    noise = 0.01 * np.random.default_rng(1).normal(size=f.shape)
    straight, rotated = (score(mean + noise, data=data, neighbours=3) for mean in (f, turned))
    assert straight["discrete_latents"] == rotated["discrete_latents"] == 0
    # The forty values have six images each.
    assert straight["score"] > 0.9
    assert rotated["score"] < 0.7
