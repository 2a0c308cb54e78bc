import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import infom_score
from tfvae.metrics.normalised_information import normalised_information

DATA = grid((4, 4, 4))
F = scaled_factors(DATA)
RNG = np.random.default_rng(0)


def score(mean, log_variance=None, data=DATA, **parameters):
    return infom_score(Codes.from_arrays(data, mean, log_variance), np.random.default_rng(0), **parameters)


@pytest.mark.parametrize("mean", [F, F[:, [2, 0, 1]] * [-3, 0.1, 10], np.hstack([F, F]), F[:, :1]])
def test_one_factor_a_latent_is_perfect_even_if_factors_repeat_or_lack(mean):
    assert score(mean)["score"] == pytest.approx(1)


def test_merged_factors_have_a_share_each():
    # A value for each pair of values: max / sum = 1/2, and (1/2 - 1/3) / (1 - 1/3) = 1/4.
    assert score(F[:, :1] + 10 * F[:, 1:2])["score"] == pytest.approx(0.25)
    # For each triple there is one image: as discrete it says all about each factor, an even share.
    everything = F @ [[1.0], [10], [100]]
    assert score(everything, latents="discrete")["score"] == pytest.approx(0, abs=1e-12)
    # One latent of three is merged.
    merged = np.column_stack([F[:, 0], F[:, 1], F[:, 1] + 10 * F[:, 2]])
    assert score(merged)["score"] == pytest.approx((1 + 1 + 0.25) / 3)


def test_continuous_and_discrete_latents_differ_only_in_their_estimates():
    data = grid((3, 4, 20))
    f = scaled_factors(data)[:, :2]
    # Neighbours of separated values give H(v) but for the difference of digamma and logarithm.
    smooth = score(f + 0.01 * RNG.normal(size=f.shape), data=data, neighbours=3)
    assert smooth["discrete_latents"] == 0
    assert np.transpose(smooth["nmi"])[[0, 1], [0, 1]] == pytest.approx([1, 1], abs=0.01)
    assert smooth["score"] > 0.85
    exact = score(f, data=data)
    assert exact["discrete_latents"] == 2
    assert exact["score"] == pytest.approx(1)


def test_equals_the_matrix_of_its_information():
    mean = F @ RNG.normal(size=(3, 4)) + 0.1 * RNG.normal(size=(64, 4))
    result = score(mean, neighbours=3)
    factors = DATA.factors.to_factors(np.arange(64))
    nmi = normalised_information(np.float32(mean), factors, np.zeros(4, bool), 3, np.random.default_rng(0))
    np.testing.assert_allclose(result["nmi"], nmi, atol=1e-6)
    share = np.mean([max(column) / sum(column) for column in nmi.T])
    assert result["score"] == pytest.approx((share - 1 / 3) / (2 / 3), abs=1e-6)


def test_a_latent_that_does_not_count_has_a_column_of_zeros():
    log_variance = np.tile([-4.0, 0, -4, -4], (64, 1))
    result = score(np.insert(F, 1, 1e-3 * RNG.normal(size=64), axis=1), log_variance)
    assert result["score"] == pytest.approx(1)
    assert result["active_latents"] == result["discrete_latents"] == 3
    np.testing.assert_allclose(result["nmi"], np.insert(np.eye(3), 1, 0, axis=1), atol=1e-12)


def test_a_latent_without_any_information_lowers_the_mean():
    both = np.column_stack([F, np.tile([0.0, 1], 32)])  # depends on the last factor
    parity = np.column_stack([F, (DATA.factors.to_factors(np.arange(64)).sum(axis=1)) % 2])  # on none alone
    assert score(both)["score"] == pytest.approx(1)
    assert score(parity)["score"] == pytest.approx(3 / 4)


def test_few_images_give_a_random_draw_of_each():
    codes = Codes.from_arrays(grid((20, 20)), scaled_factors(grid((20, 20))))
    result = infom_score(codes, np.random.default_rng(0), samples=100, repeats=2)
    assert 0 < result["score"] < 1  # pairs of few images inform of each other
    assert result["standard_error"] > 0


@pytest.mark.parametrize(("name", "value"), [("neighbours", 0), ("bins", 1), ("samples", 1), ("repeats", 1)])
def test_parameters_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=r"Expected .*Received: "):
        score(F, **{name: value})
