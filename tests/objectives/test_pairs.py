import numpy as np
import scipy.integrate
import scipy.stats

from tfvae.objectives.pairs import averaged, latent_kl, product, shared_latents

RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(6, 2, 4)).astype(np.float32)
VARIANCE = np.exp(RNG.normal(size=(6, 2, 4))).astype(np.float32)


def test_the_kl_of_a_latent_is_the_integral_over_its_densities():
    found = latent_kl(MEAN, VARIANCE).numpy()
    for pair, latent in ((0, 0), (3, 2), (5, 3)):
        one, two = (scipy.stats.norm(MEAN[pair, i, latent], np.sqrt(VARIANCE[pair, i, latent])) for i in (0, 1))
        expected, _ = scipy.integrate.quad(lambda z, p, q: p.pdf(z) * (p.logpdf(z) - q.logpdf(z)), -20, 20, (one, two))
        np.testing.assert_allclose(found[pair, latent], expected, rtol=1e-4)


def shared_in_two_bins(kl):
    """As the paper has it: the range of a pair's KLs is cut in the middle, and the lower half is shared."""
    found = []
    for deltas in kl:
        edges = np.histogram_bin_edges(deltas, bins=2)
        found.append([bool(delta < edges[1]) for delta in deltas])
    return found


def test_latents_below_the_middle_of_the_range_are_shared():
    kl = np.concatenate([RNG.exponential(size=(50, 5)), [[0, 1, 2, 3, 4], [4, 4, 4, 4, 0], [0, 0, 0, 1e-6, 3]]])
    found = shared_latents(np.float32(kl)).numpy()
    assert found.tolist() == shared_in_two_bins(kl)
    assert found[-3:].tolist() == [[1, 1, 0, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 0]]
    assert not shared_latents(np.full([3, 4], 0.25, np.float32)).numpy().any()


def test_the_average_has_the_moments_halfway():
    mean, variance = averaged(MEAN, VARIANCE)
    np.testing.assert_allclose(mean, (MEAN[:, 0] + MEAN[:, 1]) / 2, rtol=1e-6)
    np.testing.assert_allclose(variance, (VARIANCE[:, 0] + VARIANCE[:, 1]) / 2, rtol=1e-6)


def test_the_product_is_in_proportion_to_the_root_of_both_densities():
    mean, variance = (each.numpy() for each in product(MEAN, VARIANCE))
    z = np.linspace(-2, 2, 5)[:, np.newaxis, np.newaxis]
    one, two = (scipy.stats.norm.logpdf(z, MEAN[:, i], np.sqrt(VARIANCE[:, i])) for i in (0, 1))
    constant = scipy.stats.norm.logpdf(z, mean, np.sqrt(variance)) - (one + two) / 2
    np.testing.assert_allclose(constant, np.broadcast_to(constant[:1], constant.shape), atol=1e-4)
    # The variance of the product itself is half of it.
    np.testing.assert_allclose(variance / 2, 1 / (1 / VARIANCE[:, 0] + 1 / VARIANCE[:, 1]), rtol=1e-5)


def test_equal_gaussians_merge_into_the_same_also_where_they_are_narrow():
    mean = np.repeat(MEAN[:, :1], 2, axis=1)
    for scale in (1.0, 1e-30, 1e30):
        variance = np.repeat(VARIANCE[:, :1] * np.float32(scale), 2, axis=1)
        for merge in (averaged, product):
            merged_mean, merged_variance = merge(mean, variance)
            np.testing.assert_allclose(merged_mean, mean[:, 0], rtol=1e-6)
            np.testing.assert_allclose(merged_variance, variance[:, 0], rtol=1e-6)
