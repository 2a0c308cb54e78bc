import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from tests.metrics.reference import grid
from tfvae.analysis.batch_total_correlation import batch_total_correlation
from tfvae.analysis.total_correlation import total_correlation
from tfvae.codes import Codes


def make(number=2_000, dim=6, log_variance=-5.0):
    mean = np.random.default_rng(0).normal(size=(number, dim))
    return Codes.from_arrays(grid((number, 1)), mean, np.full((number, dim), log_variance))


@pytest.mark.parametrize("from_batch", [False, True])
def test_equals_a_naive_loop(from_batch):
    codes = make(200, dim=2)
    found = batch_total_correlation(codes, np.random.default_rng(0), batch=20, samples=50, from_batch=from_batch)
    same = np.random.default_rng(0)
    batch = same.choice(200, 20, replace=False)
    source = same.choice(batch, 50) if from_batch else same.integers(200, size=50)
    mean = codes.means(np.arange(200)).astype(float)
    noise = same.standard_normal((50, 2))
    for place, index in enumerate(source):
        z = mean[index] + np.exp(-2.5) * noise[place]
        logs = np.array([[stats.norm.logpdf(z[j], mean[i, j], np.exp(-2.5)) for j in range(2)] for i in batch])
        assert found.log_q[place] == pytest.approx(logsumexp(logs.sum(axis=1)) - np.log(20), abs=1e-3, rel=1e-5)
        product = sum(logsumexp(logs[:, j]) - np.log(20) for j in range(2))
        assert found.log_product[place] == pytest.approx(product, abs=1e-3, rel=1e-5)
    terms = found.log_q - found.log_product
    assert found.total_correlation == pytest.approx(terms.mean())
    assert found.standard_error == pytest.approx(terms.std(ddof=1) / np.sqrt(50))


def test_the_estimate_fails_as_in_figure_18_and_the_fix_errs_to_the_other_side():
    codes = make()
    true = total_correlation(codes, np.random.default_rng(0), samples=500)["total_correlation"]
    outside = batch_total_correlation(codes, np.random.default_rng(0), batch=200, samples=500)
    inside = batch_total_correlation(codes, np.random.default_rng(0), batch=200, samples=500, from_batch=True)
    assert outside.total_correlation + 10 * outside.standard_error < 0 < true
    # Within the batch, z finds its own component at a weight of 1 / 200 instead of 1 / 2,000.
    assert true + np.log(2_000 / 200) / 2 < inside.total_correlation < true + np.log(2_000 / 200)


def test_a_batch_of_all_images_has_the_true_value():
    codes = make(300, dim=2, log_variance=-1.0)
    found = batch_total_correlation(codes, np.random.default_rng(0), batch=300, samples=4_000)
    true = total_correlation(codes, np.random.default_rng(1), samples=4_000)
    error = np.hypot(found.standard_error, true["standard_error"])
    assert found.total_correlation == pytest.approx(true["total_correlation"], abs=4 * error)


@pytest.mark.parametrize("arguments", [{"batch": 301}, {"batch": 0}, {"batch": 10, "samples": 1}])
def test_says_what_is_wrong(arguments):
    with pytest.raises(ValueError, match="Expected 1 <= batch <= 300"):
        batch_total_correlation(make(300), np.random.default_rng(0), **arguments)
