import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import irs_score

DATA = grid((3, 4, 5))
F = scaled_factors(DATA)


def score(mean, **parameters):
    parameters = {"factor_bins": None, **parameters}
    return irs_score(Codes.from_arrays(DATA, mean), np.random.default_rng(0), **parameters)["score"]


def test_equals_naive_loops():
    mean = np.float32(F @ np.random.default_rng(0).normal(size=(3, 4)) + [0, 5, -1, 2]).astype(float)
    factors = DATA.factors.to_factors(np.arange(60))
    total, weights = 0.0, 0.0
    for latent in mean.T:
        reach = max(abs(value - latent.mean()) for value in latent)
        robust = []
        for k, size in enumerate((3, 4, 5)):
            held = [latent[factors[:, k] == v] for v in range(size)]
            robust.append(1 - np.mean([np.abs(group - group.mean()).max() for group in held]) / reach)
        total, weights = total + reach * max(robust), weights + reach
    assert score(mean, quantile=1.0) == pytest.approx(total / weights)


def test_known_values():
    assert score(F) == score(F[:, :1]) == 1
    # The sum of two factors on {-1, 1}: given one factor, the other moves it by half its reach.
    data = grid((2, 2))
    f = scaled_factors(data)
    codes = Codes.from_arrays(data, f.sum(axis=1, keepdims=True))
    assert irs_score(codes, np.random.default_rng(0))["score"] == pytest.approx(0.5)


def test_bins_of_a_factor_merge_values():
    # 4 values in 2 bins: within one, a perfect code is off by a third of its reach of 1.
    assert score(F[:, 1:2], factor_bins=2, quantile=1.0) == pytest.approx(1 - 1 / 3)
    assert score(F[:, 1:2], factor_bins=4) == 1


def test_latents_are_weighted_by_their_reach():
    noise = np.random.default_rng(0).choice([-1.0, 1.0], (60, 1))
    alone = score(noise, quantile=1.0)
    both = score(np.concatenate([F[:, :1], 3 * noise], axis=1), quantile=1.0)
    reach = 3 * np.abs(noise - noise.mean()).max()
    assert both == pytest.approx((1 + reach * alone) / (1 + reach), rel=1e-5)


@pytest.mark.parametrize(("parameters", "message"), [({"quantile": 0.0}, "quantile=0"), ({"factor_bins": 1}, "=1")])
def test_rejects_parameters_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        score(F, **parameters)
