import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorTable
from tfvae.metrics import mig_score
from tfvae.metrics.scoring import Labelled

SIZES = (3, 4, 5)


def score(codes, **parameters):
    return mig_score(codes, np.random.default_rng(0), **parameters)


def test_equals_naive_loops():
    data = grid(SIZES)
    mean = scaled_factors(data) @ np.random.default_rng(0).normal(size=(3, 4))
    factors = data.factors.to_factors(np.arange(60))
    bins = [
        np.digitize(latent, np.linspace(latent.min(), latent.max(), 8)[:-1])
        for latent in np.float32(mean).T.astype(float)
    ]
    gaps = []
    for k in range(3):
        first, second, *_ = sorted((mutual_info_score(factors[:, k], latent) for latent in bins), reverse=True)
        gaps.append((first - second) / np.log(SIZES[k]))
    result = score(Codes.from_arrays(data, mean), bins=7)
    np.testing.assert_allclose(result["per_factor"], gaps, atol=1e-12)
    assert result["score"] == pytest.approx(np.mean(gaps))


def test_fewer_bins_than_values_limit_a_perfect_code():
    # 32 evenly spaced values in 20 bins: 12 bins hold two values, 8 hold one, so that H(bin) = log 32 - (24/32) log 2.
    data = grid((32, 4))
    result = score(Codes.from_arrays(data, scaled_factors(data)))
    assert result["per_factor"] == pytest.approx([1 - 0.75 * np.log(2) / np.log(32), 1])


def test_a_factor_in_two_latents_or_in_none_has_no_gap():
    data = grid(SIZES)
    f = scaled_factors(data)
    assert score(Codes.from_arrays(data, f[:, [0, 0, 1, 2]]))["per_factor"] == pytest.approx([0, 1, 1], abs=1e-12)
    assert score(Codes.from_arrays(data, f[:, :2]))["per_factor"] == pytest.approx([1, 1, 0], abs=1e-12)
    assert score(Codes.from_arrays(data, f[:, :1]))["per_factor"] == pytest.approx([1, 0, 0], abs=1e-12)


def test_a_dead_latent_is_not_the_second_one():
    # Its means encode the first factor, but vary too little to show in samples of the posterior.
    data = grid(SIZES)
    f = scaled_factors(data)
    log_variance = np.tile([-4.0, -4, -4, 0], (60, 1))
    arrays = data, np.concatenate([f, 1e-3 * f[:, :1]], axis=1), log_variance
    codes = Codes.from_arrays(*arrays)
    assert score(codes)["score"] == pytest.approx(1)
    assert score(Codes.from_arrays(*arrays, active="all"))["per_factor"][0] == pytest.approx(0, abs=1e-12)


def test_a_continuous_factor_is_binned():
    rng = np.random.default_rng(0)
    values = rng.uniform(size=(5_000, 2))
    codes = Codes.from_arrays(Labelled(FactorTable(("a", "b"), values)), values)
    # The latent's bins of equal counts are the factor's; the other of two independent ones has 19^2 / 10,000 nats.
    assert score(codes, binning="quantile")["score"] == pytest.approx(1 - 0.0361 / np.log(20), abs=0.003)
