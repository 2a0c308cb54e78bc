import numpy as np
import pytest
from scipy.special import digamma

from tests.metrics.reference import grid
from tfvae.codes import Codes
from tfvae.metrics.normalised_information import concentration, discrete_latents, normalised_information
from tfvae.metrics.sampling import over_draws

RNG = np.random.default_rng(0)


def ross(x, y, k):
    """The estimate of Ross (2014), Eq. 2, point by point: psi(N) + psi(k) - mean psi(N_y) - mean psi(m), in nats."""
    kept = [i for i in range(len(y)) if np.sum(y == y[i]) > 1]
    x, y = x[kept], y[kept]
    own, counts, within = [], [], []
    for i in range(len(x)):
        same = np.sort(np.abs(x[y == y[i]] - x[i]))[1:]  # without itself
        neighbours = min(k, len(same))
        radius = same[neighbours - 1]
        own.append(neighbours)
        counts.append(len(same) + 1)
        within.append(np.sum(np.abs(x - x[i]) < radius) + 1)  # with itself, and the neighbour at the radius
    return max(
        0, digamma(len(x)) + np.mean(digamma(own)) - np.mean(digamma(counts)) - np.mean(digamma(np.subtract(within, 1)))
    )


def nmi(means, factors, discrete=None, neighbours=3):
    kinds = np.zeros(means.shape[1], bool) if discrete is None else np.array(discrete)
    return normalised_information(means, factors, kinds, neighbours, np.random.default_rng(1))


@pytest.mark.parametrize("neighbours", [1, 3])
def test_continuous_latents_equal_naive_loops(neighbours):
    factors = np.stack([RNG.integers(3, size=70), RNG.integers(5, size=70)], axis=1)
    factors[0, 1] = 5  # a value that occurs once, which has no neighbour
    means = 3 + 2 * (factors @ RNG.normal(size=(2, 2)) + RNG.normal(size=(70, 2)))
    found = nmi(means, factors, neighbours=neighbours)
    for k, j in np.ndindex(2, 2):
        share = np.unique(factors[:, k], return_counts=True)[1] / 70
        expected = ross(means[:, j], factors[:, k], neighbours) / -np.sum(share * np.log(share))
        assert found[k, j] == pytest.approx(expected, abs=1e-9)


def test_the_estimate_of_a_gaussian_channel_is_close_to_its_integral():
    # v = -1 or 1, mu = v + n with n ~ N(0, 1): I = h(mu) - 0.5 log(2 pi e) = 0.3369 nats.
    v = RNG.integers(2, size=4_000)
    x = np.linspace(-9, 9, 20_001)
    p = 0.5 * (np.exp(-0.5 * (x - 1) ** 2) + np.exp(-0.5 * (x + 1) ** 2)) / np.sqrt(2 * np.pi)
    exact = -np.trapezoid(p * np.log(p), x) - 0.5 * np.log(2 * np.pi * np.e)
    assert exact == pytest.approx(0.3369, abs=1e-4)
    # The spread of log p(mu | v) / p(mu) is 0.36 nats: four times 0.36 / sqrt(4000) is 0.023.
    found = nmi((2 * v - 1 + RNG.normal(size=4_000))[:, None], v[:, None], neighbours=10)[0, 0] * np.log(2)
    assert found == pytest.approx(exact, abs=0.023)


def test_discrete_latents_have_the_information_of_their_histogram():
    factors = np.indices((4, 3)).reshape(2, -1).T
    halves, sums = factors[:, 0] // 2, factors[:, 0] + 4 * factors[:, 1]
    found = nmi(np.stack([0.7 * halves - 5, sums], axis=1), factors, [True, True])
    np.testing.assert_allclose(found, [[0.5, 1], [0, 1]], atol=1e-12)
    mixed = nmi(np.stack([halves, RNG.normal(size=12)], axis=1), factors, [True, False])
    np.testing.assert_allclose(mixed[:, 0], [0.5, 0], atol=1e-12)


def test_independent_columns_have_exactly_no_information():
    factors = np.indices((3, 5, 6, 7)).reshape(4, -1).T
    np.testing.assert_array_equal(nmi(factors[:, [0, 2]] / 7, factors, [True, True]) > 0, np.eye(4)[:, [0, 2]] > 0)


def test_a_constant_factor_has_no_information():
    factors = np.stack([np.zeros(20, int), np.arange(20) % 2], axis=1)
    assert not nmi(RNG.normal(size=(20, 2)), factors)[0].any()
    assert not nmi(RNG.normal(size=(4, 1)), np.arange(4)[:, None]).any()  # each value once


def test_concentration_of_columns():
    found = concentration(np.array([[1.0, 0.5, 0.5, 0], [0, 0.5, 0.25, 0], [0, 0.5, 0.25, 0]]))
    np.testing.assert_allclose(found, [1, 0, 0.25, 0], atol=1e-12)
    np.testing.assert_array_equal(concentration(np.array([[0.3, 0]])), [1, 0])
    np.testing.assert_array_equal(concentration(np.zeros((0, 2))), [0, 0])


def test_latents_of_few_values_and_categories_are_discrete():
    quantised, smooth = RNG.integers(8, size=400) / 4, RNG.normal(size=400)
    rare = np.arange(400) % 300
    data = grid((20, 20))
    codes = Codes.from_arrays(data, np.stack([quantised, smooth, rare], axis=1))
    assert discrete_latents(codes, "auto").tolist() == [True, False, False]
    assert discrete_latents(codes, "discrete").all()
    assert not discrete_latents(codes, "continuous").any()
    probabilities = RNG.dirichlet(np.ones(3), size=400)
    of_category = Codes.from_arrays(data, smooth[:, None], np.full((400, 1), -4.0), probabilities)
    assert discrete_latents(of_category, "continuous").tolist() == [False, True]
    with pytest.raises(ValueError, match=r"latents to be one of \['auto', 'continuous', 'discrete'\]. .*'binned'"):
        discrete_latents(codes, "binned")


def test_the_error_from_halves_is_that_of_a_mean():
    values = RNG.normal(size=400)
    seen = []

    def measure(indices):
        seen.append(indices)
        return {"score": values[indices].mean()}

    result = over_draws(measure, 400, 1_000, 2_000, RNG, halves=True)
    assert result["score"] == pytest.approx(values.mean())
    # The relative error of a standard deviation of 2,000 draws is 0.016.
    assert result["standard_error"] == pytest.approx(values.std(ddof=1) / 20, rel=4 * 0.016)
    assert all(len(np.unique(indices)) == len(indices) == 200 for indices in seen[1:])
