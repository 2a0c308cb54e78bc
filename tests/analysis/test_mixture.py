import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from tests.metrics.reference import grid
from tfvae.analysis import mixture
from tfvae.codes import Codes


def components(number, dim=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(number, dim)), rng.uniform(-6, 1, (number, dim))


def naive(z, mean, log_variance):
    """One point and component at a time, by SciPy."""
    pairs = list(zip(mean, log_variance, strict=True))
    logs = np.array([[stats.norm.logpdf(x, m, np.exp(0.5 * v)) for m, v in pairs] for x in z])
    count = np.log(len(mean))
    return logsumexp(logs.sum(axis=2), axis=1) - count, logsumexp(logs, axis=1) - count


@pytest.mark.parametrize("tile", [(256, 1024), (3, 7)])
def test_density_equals_a_naive_loop_in_any_tiles(tile, monkeypatch):
    monkeypatch.setattr(mixture, "_POINTS", tile[0])
    monkeypatch.setattr(mixture, "_COMPONENTS", tile[1])
    mean, log_variance = components(40)
    z = np.concatenate([mean[:8] + 0.01, np.zeros((2, 3)), np.full((1, 3), 30.0)])
    joint, marginals = mixture.mixture_log_density(z, mean, log_variance)
    expected_joint, expected_marginals = naive(z, mean, log_variance)
    np.testing.assert_allclose(joint, expected_joint, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(marginals, expected_marginals, rtol=1e-5, atol=1e-4)


def test_sharp_components_far_from_zero_do_not_cancel():
    # Of 4.0001 +- 0.001, terms of z^2 / s^2 would be 1.6e7, whose rounding in float32 is a nat.
    mean, log_variance = np.full((1, 1), 4.0), np.full((1, 1), 2 * np.log(1e-3))
    z = np.float32([[4.0015], [3.9985]])
    joint, _ = mixture.mixture_log_density(z, mean, log_variance)
    np.testing.assert_allclose(joint, stats.norm.logpdf(z.astype(float)[:, 0], 4.0, 1e-3), atol=1e-4)


def test_a_density_integrates_to_one():
    mean, log_variance = components(500, dim=1)
    z = np.linspace(-12, 12, 4001)[:, None]
    joint, _ = mixture.mixture_log_density(z, mean, log_variance)
    assert np.trapezoid(np.exp(joint), z[:, 0]) == pytest.approx(1, abs=1e-4)


def test_gaussian_density_is_scipys():
    mean, log_variance = components(20)
    z = mean + 0.3
    expected = stats.norm.logpdf(z, mean, np.exp(0.5 * log_variance))
    np.testing.assert_allclose(mixture.gaussian_log_density(z, mean, log_variance), expected, rtol=1e-12)


def test_says_what_is_wrong():
    mean, log_variance = components(4)
    with pytest.raises(ValueError, match=r"Received: \(2, 2\), \(4, 3\) and \(4, 3\)"):
        mixture.mixture_log_density(np.zeros((2, 2)), mean, log_variance)
    with pytest.raises(ValueError, match="M > 0"):
        mixture.mixture_log_density(np.zeros((2, 3)), mean[:0], log_variance[:0])
    with pytest.raises(ValueError, match="codes without log variances"):
        mixture.posteriors(Codes.from_arrays(grid((2, 2)), np.zeros((4, 1))), np.arange(4))
