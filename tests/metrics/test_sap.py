import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorTable
from tfvae.metrics import sap_score
from tfvae.metrics.scoring import Labelled


def score(codes, **parameters):
    return sap_score(codes, np.random.default_rng(0), **{"train": 600, "test": 300, "repeats": 2, **parameters})


def test_one_latent_predicts_a_factor_of_two_values_and_the_others_guess():
    data = grid((2, 2, 2, 120))
    f = scaled_factors(data)[:, :3]
    result = score(Codes.from_arrays(data, f))
    # 1 minus chance, the better of two guesses, with a standard error of 0.029 for 300 test images.
    np.testing.assert_allclose(result["per_factor"][:3], 0.5, atol=4 * 0.029)
    twice = score(Codes.from_arrays(data, f[:, [0, 0, 1, 2]]))
    assert twice["per_factor"][0] == 0


def test_one_or_no_latent():
    data = grid((2, 2, 240))
    f = scaled_factors(data)
    one = score(Codes.from_arrays(data, f[:, :1]))
    assert one["per_factor"][0] == pytest.approx(0.5, abs=4 * 0.029)
    none = score(Codes.from_arrays(data, np.ones_like(f)))
    assert (none["score"], none["active_latents"]) == (0, 0)


def test_a_dead_latent_is_not_the_second_one():
    data = grid((2, 2, 240))
    f = scaled_factors(data)
    log_variance = np.tile([-4.0, -4, -4, 0], (len(data), 1))
    arrays = data, np.concatenate([f, 1e-3 * f[:, :1]], axis=1), log_variance
    codes = Codes.from_arrays(*arrays)
    assert score(codes)["per_factor"][0] == pytest.approx(0.5, abs=4 * 0.029)
    assert score(Codes.from_arrays(*arrays, active="all"))["per_factor"][0] == 0


def test_a_continuous_factor_has_the_squared_correlation():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(900, 2))
    mean = values + rng.normal(size=(900, 2))
    codes = Codes.from_arrays(Labelled(FactorTable(("a", "b"), values)), mean)
    corr = np.corrcoef(np.concatenate([mean, values], axis=1).T)[:2, 2:] ** 2
    expected = np.sort(corr, axis=0)[1] - np.sort(corr, axis=0)[0]
    np.testing.assert_allclose(score(codes, train=899, test=1)["per_factor"], expected, atol=0.01)


def test_classifiers_weigh_all_classes_equally():
    # One value in ten has a latent that is a standard deviation higher.
    rng = np.random.default_rng(0)
    rare = (np.arange(3_000) % 10 == 0).astype(float)
    table = np.column_stack([rare, rng.integers(0, 2, 3_000)])
    mean = rng.normal(size=(3_000, 2)) + np.column_stack([rare, np.zeros(3_000)])
    codes = Codes.from_arrays(Labelled(FactorTable(("rare", "other"), table)), mean)
    # With a threshold halfway, Phi(0.5) = 0.69 are right, and about half by the latent of noise. With weights by their
    # numbers, both latents would always predict the frequent value: a gap of 0.
    assert score(codes, train=2_000, test=1_000)["per_factor"][0] == pytest.approx(0.19, abs=0.06)
