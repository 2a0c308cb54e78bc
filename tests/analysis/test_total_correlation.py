import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from tests.metrics.reference import grid
from tfvae.analysis.total_correlation import kl_decomposition, total_correlation
from tfvae.codes import Codes

PARTS = ("mutual_information", "kl_to_prior", "total_correlation", "dimension_wise_kl")


def codes_of(mean, log_variance):
    mean = np.asarray(mean, float)
    return Codes.from_arrays(grid((len(mean), 1)), mean, np.broadcast_to(log_variance, mean.shape))


def correlated_gaussian(number, correlation=0.8, variance=0.5):
    """Means of Gaussians of variance `variance` that together are N(0, [[1, r], [r, 1]]), as far as `number` tells."""
    covariance = np.array([[1 - variance, correlation], [correlation, 1 - variance]])
    return np.random.default_rng(0).multivariate_normal([0, 0], covariance, number), np.log(variance)


def test_equal_posteriors_have_none():
    # One Gaussian, however often: q(z) is its own product of marginals, and says nothing of x.
    found = kl_decomposition(codes_of(np.full((50, 3), 0.7), np.log(0.25)), np.random.default_rng(0), samples=200)
    assert found["total_correlation"]["nats"] == pytest.approx(0, abs=1e-4)
    assert found["mutual_information"]["nats"] == pytest.approx(0, abs=1e-4)
    closed_form = 3 * 0.5 * (0.7**2 + 0.25 - np.log(0.25) - 1)
    assert found["kl_closed_form"] == pytest.approx(closed_form, rel=1e-6)
    for part in ("kl", "kl_to_prior", "dimension_wise_kl"):
        assert abs(found[part]["nats"] - closed_form) < 4 * found[part]["standard_error"]


def test_a_grid_of_codes_is_independent_and_a_diagonal_is_not():
    sharp = np.log(1e-4)
    first, second = np.meshgrid(np.arange(8.0), np.arange(6.0), indexing="ij")
    independent = codes_of(np.stack([first.ravel(), second.ravel()], axis=1), sharp)
    found = kl_decomposition(independent, np.random.default_rng(0), samples=500)
    assert found["total_correlation"]["nats"] == pytest.approx(0, abs=1e-3)
    # Posteriors that do not overlap tell the image: I = log N.
    assert found["mutual_information"]["nats"] == pytest.approx(np.log(48), abs=1e-3)
    # The same value twice: TC = H(z_1) + H(z_2) - H(z) = log 8 of the discrete code.
    diagonal = codes_of(np.stack([np.arange(8.0)] * 2, axis=1), sharp)
    assert total_correlation(diagonal, np.random.default_rng(0))["total_correlation"] == pytest.approx(
        np.log(8), abs=1e-3
    )


def test_a_correlated_gaussian_of_many_components_has_its_closed_form():
    correlation = 0.45
    mean, log_variance = correlated_gaussian(20_000, correlation)
    found = total_correlation(codes_of(mean, log_variance), np.random.default_rng(1), samples=2_000)
    exact = -0.5 * np.log(1 - correlation**2)
    # 0.01 for the components' own sampling: 20,000 draws give the correlation to 0.006.
    assert found["total_correlation"] == pytest.approx(exact, abs=4 * found["standard_error"] + 0.01)
    assert found["standard_error"] < 0.03 < exact


def test_a_mixture_equals_numerical_integration():
    mean = np.array([[-1.5, -1.0], [1.0, 1.5], [0.0, 0.5]])
    log_variance = np.log([[0.3, 0.6], [0.5, 0.2], [1.0, 0.1]])
    axis = np.linspace(-7, 7, 701)
    step = axis[1] - axis[0]
    densities = stats.norm.pdf(axis[:, None, None], mean, np.exp(0.5 * log_variance))  # [G, M, 2]
    joint = np.einsum("gm,hm->gh", densities[:, :, 0], densities[:, :, 1]) / 3
    marginals = densities.mean(axis=1)
    product = np.outer(marginals[:, 0], marginals[:, 1])
    prior = stats.norm.pdf(axis)
    exact = {
        "total_correlation": np.sum(joint * np.log(joint / product)) * step**2,
        "kl_to_prior": np.sum(joint * np.log(joint / np.outer(prior, prior))) * step**2,
        "dimension_wise_kl": np.sum(marginals * np.log(marginals / prior[:, None])) * step,
    }
    found = kl_decomposition(codes_of(mean, log_variance), np.random.default_rng(0), samples=40_000)
    exact["mutual_information"] = found["kl_closed_form"] - exact["kl_to_prior"]
    assert exact["total_correlation"] > 0.2
    for part, value in exact.items():
        assert abs(found[part]["nats"] - value) < 4 * found[part]["standard_error"] < 0.06, part
    latents = np.sum(marginals * np.log(marginals / prior[:, None]), axis=0) * step
    np.testing.assert_allclose(found["latents"], latents, atol=0.04)


def test_at_a_resolution_a_gaussian_has_the_closed_form_of_its_sum_with_noise():
    correlation, resolution = 0.45, 0.5
    mean, log_variance = correlated_gaussian(20_000, correlation)
    codes = codes_of(10 * mean, log_variance + 2 * np.log(10))  # in any unit: it counts in deviations of the means
    found = total_correlation(codes, np.random.default_rng(1), samples=2_000, resolution=resolution)
    blurred = correlation / (1 + resolution**2 * 0.5)  # the means have variance 0.5
    exact = -0.5 * np.log(1 - blurred**2)
    assert found["total_correlation"] == pytest.approx(exact, abs=4 * found["standard_error"] + 0.01)
    parts = kl_decomposition(codes, np.random.default_rng(1), samples=2_000, resolution=resolution)
    assert abs(parts["kl"]["nats"] - parts["kl_closed_form"]) < 4 * parts["kl"]["standard_error"]


@pytest.mark.parametrize("components", [None, 100])
def test_a_resolution_leaves_out_where_a_code_lies_within_the_teeth_of_a_comb(components):
    # Twelve sharp teeth, within which the place follows another latent.
    tooth, other = np.meshgrid(np.arange(12.0), np.arange(12.0), indexing="ij")
    codes = codes_of(np.stack([tooth + other / 200, other], axis=-1).reshape(-1, 2), 2 * np.log(1e-3))
    arguments = {"samples": 40, "components": components}
    fine = total_correlation(codes, np.random.default_rng(0), **arguments)
    coarse = total_correlation(codes, np.random.default_rng(0), **arguments, resolution=0.1)
    assert fine["total_correlation"] > 2 > 10 * abs(coarse["total_correlation"])


@pytest.mark.parametrize("few", [None, 400])
def test_the_parts_add_up_to_the_closed_form(few):
    rng = np.random.default_rng(3)
    mean = rng.normal(size=(3_000, 4))
    mean[:, 1] += mean[:, 0]
    codes = codes_of(mean, rng.uniform(-3, 0, (3_000, 4)))
    found = kl_decomposition(codes, np.random.default_rng(0), samples=1_000, components=few)
    parts = {name: found[name]["nats"] for name in PARTS}
    assert parts["mutual_information"] + parts["kl_to_prior"] == pytest.approx(found["kl"]["nats"], rel=1e-9)
    assert parts["total_correlation"] + parts["dimension_wise_kl"] == pytest.approx(parts["kl_to_prior"], rel=1e-9)
    assert sum(found["latents"]) == pytest.approx(parts["dimension_wise_kl"], rel=1e-9)
    assert abs(found["kl"]["nats"] - found["kl_closed_form"]) < 4 * found["kl"]["standard_error"]
    assert found["components"] == (few or 3_000)


def test_few_components_err_to_the_documented_side():
    mean, log_variance = correlated_gaussian(6_000, variance=0.2, correlation=0.7)
    codes = codes_of(mean, log_variance)
    whole = kl_decomposition(codes, np.random.default_rng(0), samples=2_000)
    means = []
    for draw in range(8):
        part = kl_decomposition(codes, np.random.default_rng(draw), samples=500, components=10)
        means.append([part["mutual_information"]["nats"], part["kl_to_prior"]["nats"]])
    # Jensen: E log qhat <= log q, by more than the errors of 8 x 500 draws.
    information, to_prior = np.mean(means, axis=0)
    assert information > whole["mutual_information"]["nats"] + 0.2
    assert to_prior < whole["kl_to_prior"]["nats"] - 0.2


def test_all_components_of_a_small_data_set_equal_a_naive_loop():
    rng = np.random.default_rng(5)
    mean, log_variance = rng.normal(size=(30, 2)), rng.uniform(-2, 0, (30, 2))
    codes = codes_of(mean, log_variance)
    found = total_correlation(codes, np.random.default_rng(0), samples=60)
    same = np.random.default_rng(0)
    drawn = same.integers(30, size=60)
    z = mean[drawn] + np.exp(0.5 * log_variance[drawn]) * same.standard_normal((60, 2))
    terms = []
    for point in z:
        logs = stats.norm.logpdf(point, mean, np.exp(0.5 * log_variance))
        joint = logsumexp(logs.sum(axis=1)) - np.log(30)
        terms.append(joint - sum(logsumexp(logs[:, j]) - np.log(30) for j in range(2)))
    assert found["total_correlation"] == pytest.approx(np.mean(terms), abs=1e-4)
    assert found["standard_error"] == pytest.approx(np.std(terms, ddof=1) / np.sqrt(60), rel=1e-3)


def test_few_components_of_a_small_data_set_equal_a_naive_loop():
    # Eight of nine images are drawn from or averaged over: 1/9 of a density, and 8/9 of the mean of the others.
    rng = np.random.default_rng(5)
    mean, log_variance = rng.normal(size=(9, 2)), rng.uniform(-2, 0, (9, 2))
    codes = codes_of(mean, log_variance)
    found = kl_decomposition(codes, np.random.default_rng(0), samples=5, components=3)
    same = np.random.default_rng(0)
    rows = same.choice(9, 8, replace=False)
    mean, scale = mean[rows], np.exp(0.5 * log_variance[rows])
    z = mean[:5] + scale[:5] * same.standard_normal((5, 2))
    terms = []
    for row, point in enumerate(z):
        own, others = stats.norm.pdf(point, mean[row], scale[row]), stats.norm.pdf(point, mean[5:], scale[5:])
        joint = own.prod() / 9 + 8 / 9 * others.prod(axis=1).mean()
        marginals = own / 9 + 8 / 9 * others.mean(axis=0)
        terms.append(np.log(joint) - np.log(marginals).sum())
    assert found["total_correlation"]["nats"] == pytest.approx(np.mean(terms), abs=1e-5)


def test_says_what_is_wrong():
    codes = codes_of(np.zeros((4, 2)), 0.0)
    for arguments in ({"samples": 1}, {"components": 0}, {"resolution": -0.1}, {"resolution": np.inf}):
        with pytest.raises(ValueError, match="Expected samples >= 2, components >= 1"):
            kl_decomposition(codes, np.random.default_rng(0), **arguments)
    with pytest.raises(ValueError, match="codes without log variances"):
        total_correlation(Codes.from_arrays(grid((2, 2)), np.zeros((4, 1))), np.random.default_rng(0))
