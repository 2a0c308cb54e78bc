import numpy as np
import pytest
from scipy import stats

from tests.metrics.reference import grid
from tfvae.analysis.aggregate_posterior import marginals
from tfvae.codes import Codes


def make(mean, log_variance):
    return Codes.from_arrays(grid((len(mean), 1)), mean, log_variance)


def test_density_is_the_mixture_and_the_histogram_its_draws():
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(3_000, 2)) * [2.0, 0.0], np.tile([-2.0, 0.0], (3_000, 1))
    found = marginals(make(mean, log_variance), np.random.default_rng(1), bins=40, points=101)
    expected = stats.norm.pdf(found.grid[:, None], mean[:, 0], np.exp(-1)).mean(axis=1)
    np.testing.assert_allclose(found.density[0], expected, rtol=1e-3, atol=1e-6)
    # The second latent is the prior.
    np.testing.assert_allclose(found.density[1], found.prior, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(found.prior, stats.norm.pdf(found.grid), rtol=1e-9)
    assert found.kl[1] == found.information[1] == pytest.approx(0, abs=1e-9)
    assert found.information[0] == pytest.approx(0.5 * np.log1p(mean[:, 0].var() * np.exp(2)))
    width = np.diff(found.edges)
    np.testing.assert_allclose((found.histogram * width).sum(axis=1), 1)
    # A bin's share of 3,000 draws has a standard error of at most 0.01.
    share = np.interp((found.edges[1:] + found.edges[:-1]) / 2, found.grid, found.density[0]) * width
    np.testing.assert_allclose(found.histogram[0] * width, share, atol=0.035)


def test_bins_span_all_draws():
    found = marginals(make(np.full((10, 1), 9.0), np.full((10, 1), -9.0)), np.random.default_rng(0))
    assert found.edges[-1] > 9
    assert -found.edges[0] == found.edges[-1] == found.grid[-1]


@pytest.mark.parametrize("arguments", [{"images": 0}, {"bins": 0}, {"points": 1}])
def test_says_what_is_wrong(arguments):
    with pytest.raises(ValueError, match="Expected images >= 1, bins >= 1 and points >= 2"):
        marginals(make(np.zeros((4, 1)), np.zeros((4, 1))), np.random.default_rng(0), **arguments)
