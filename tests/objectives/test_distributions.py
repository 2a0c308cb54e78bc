import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import tensorflow as tf

from tests import reference
from tfvae.objectives.distributions import (
    bernoulli_likelihood,
    continuous_bernoulli_likelihood,
    gaussian_likelihood,
    gaussian_posterior,
    standard_normal,
)

MEANS = np.array([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [-0.1, 3.0, 0.7]], np.float32)
LOG_VARIANCES = np.array([[0.0, 0.0, 0.0], [-3.0, 0.4, 1.0], [-8.0, -0.5, 0.2]], np.float32)
PARAMETERS = np.concatenate([MEANS, LOG_VARIANCES], axis=1)


def test_posterior_has_means_first_and_then_log_variances():
    posterior = gaussian_posterior(PARAMETERS)
    z = np.array([0.3, -0.2, 1.0], np.float32)
    expected = -0.5 * np.sum(np.log(2 * np.pi) + LOG_VARIANCES + (z - MEANS) ** 2 / np.exp(LOG_VARIANCES), axis=1)
    np.testing.assert_allclose(posterior.log_prob(z), expected, rtol=1e-5)
    np.testing.assert_array_equal(posterior.mean(), MEANS)
    np.testing.assert_allclose(posterior.variance(), np.exp(LOG_VARIANCES), rtol=1e-6)


def test_kl_to_the_prior_equals_the_closed_form():
    kl = gaussian_posterior(PARAMETERS).kl_divergence(standard_normal(3))
    expected = [reference.kl_to_standard_normal(m, v) for m, v in zip(MEANS, LOG_VARIANCES, strict=True)]
    np.testing.assert_allclose(kl, expected, rtol=1e-5, atol=1e-6)
    assert kl[0] == 0


def test_kl_to_the_prior_equals_its_monte_carlo_estimate():
    posterior, prior = gaussian_posterior(PARAMETERS[1:]), standard_normal(3)
    z = posterior.sample(20_000, seed=(0, 1))
    samples = (posterior.log_prob(z) - prior.log_prob(z)).numpy()
    # Five standard errors of 20,000 samples.
    tolerance = 5 * samples.std(axis=0) / np.sqrt(len(samples))
    assert np.all(np.abs(samples.mean(axis=0) - posterior.kl_divergence(prior)) < tolerance)
    assert np.all(tolerance < 0.15)


def test_a_gaussian_traces_few_operations():
    @tf.function(input_signature=[tf.TensorSpec((None, 6))])
    def kl(parameters):
        return gaussian_posterior(parameters).kl_divergence(standard_normal(3))

    # tfd.MultivariateNormalDiag takes 154.
    assert len(kl.get_concrete_function().graph.get_operations()) < 60


def test_posterior_of_a_half_precision_network_is_float32():
    posterior = gaussian_posterior(tf.constant([[0.0, 40.0]], tf.float16))
    assert posterior.dtype == tf.float32
    # exp(40) is past the largest float16.
    np.testing.assert_allclose(posterior.variance(), [[np.exp(40.0)]], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("as_tensor", [True, False])
def test_likelihood_of_grey_images_equals_a_loop_over_pixels(dtype, as_tensor):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (5, 4, 3, 2)).astype(np.float32)
    images = rng.uniform(0, 1, logits.shape).astype(dtype)
    given = tf.constant(images, tf.float32) if as_tensor else images
    expected = [reference.bernoulli_log_prob(x, logit) for x, logit in zip(images, logits, strict=True)]
    np.testing.assert_allclose(bernoulli_likelihood(logits).log_prob(given), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_likelihood_of_binary_images_is_that_of_coin_flips(dtype):
    p = 0.8
    logits = np.full((1, 2, 2, 1), np.log(p / (1 - p)), np.float32)
    images = np.array([[[[1], [0]], [[1], [1]]]], dtype)
    np.testing.assert_allclose(
        bernoulli_likelihood(logits).log_prob(images), [3 * np.log(p) + np.log(1 - p)], rtol=1e-6
    )


@pytest.mark.parametrize("size", [50.0, 1e4, 1e30])
def test_likelihood_and_its_gradient_are_finite_for_extreme_logits(size):
    logits = tf.constant([[[[size], [-size]]], [[[size], [-size]]]])
    images = np.array([[[[1.0], [0.0]]], [[[0.0], [1.0]]]], np.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_prob = bernoulli_likelihood(logits).log_prob(images)
    np.testing.assert_allclose(log_prob, [0.0, -2 * size], rtol=1e-6, atol=1e-20)
    # d log p / d logit = x - sigmoid(logit)
    np.testing.assert_allclose(tape.gradient(log_prob, logits)[1, 0, :, 0], [-1.0, 1.0], rtol=1e-6)


def test_likelihood_has_the_mean_of_the_logits_in_float32():
    likelihood = bernoulli_likelihood(tf.constant([[[[-2.0, 0.0, 2.0]]]], tf.float16))
    np.testing.assert_allclose(likelihood.mean()[0, 0, 0], 1 / (1 + np.exp([2.0, 0.0, -2.0])), rtol=1e-6)
    assert likelihood.event_shape == (1, 1, 3)


PIXELS = np.array([0.0, 1e-3, 0.2, 0.5, 0.75, 1.0], np.float32)


@pytest.mark.parametrize("logit", [0.0, 1e-6, -1e-4, 1e-3, -0.02, 0.5, -3.0, 9.0, 40.0, -88.0])
def test_continuous_bernoulli_is_its_density_integrated_to_one(logit):
    # lambda^x (1 - lambda)^(1 - x) is exp(x logit) but for a factor, which the integral takes out.
    integral, error = scipy.integrate.quad(lambda x: np.exp(x * logit - max(logit, 0.0)), 0, 1, epsabs=0)
    assert error < 1e-6 * integral
    expected = PIXELS.astype(np.float64) * logit - max(logit, 0.0) - np.log(integral)
    likelihood = continuous_bernoulli_likelihood(tf.fill([6, 1, 1, 1], logit))
    np.testing.assert_allclose(likelihood.log_prob(PIXELS[:, None, None, None]), expected, rtol=2e-5, atol=2e-6)
    mean, _ = scipy.integrate.quad(lambda x: x * np.exp(x * logit - max(logit, 0.0)), 0, 1, epsabs=0)
    np.testing.assert_allclose(np.ravel(likelihood.mean()), np.full(6, mean / integral), rtol=2e-3)


def test_continuous_bernoulli_has_the_gradient_of_an_exponential_family_everywhere():
    # d log p / d logit = x - mean, also where the series around 1/2 takes over and where exp overflows.
    logits = tf.constant([0.0, 1e-8, -1e-5, 1e-2, 2.0, -30.0, 200.0, -1e4])[:, None, None, None]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        likelihood = continuous_bernoulli_likelihood(logits)
        log_prob = likelihood.log_prob(tf.fill(logits.shape, 0.3))
    np.testing.assert_allclose(tape.gradient(log_prob, logits), 0.3 - likelihood.mean(), atol=1e-3)
    assert np.isfinite(log_prob).all()


def test_continuous_bernoulli_sums_over_pixels():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (2, 3, 2, 3)).astype(np.float32)
    images = rng.uniform(0, 1, logits.shape).astype(np.float32)
    expected = np.zeros(2)
    for n, i, j, c in np.ndindex(logits.shape):
        one_pixel = continuous_bernoulli_likelihood(logits[n : n + 1, i : i + 1, j : j + 1, c : c + 1])
        expected[n] += one_pixel.log_prob(images[n : n + 1, i : i + 1, j : j + 1, c : c + 1])[0]
    np.testing.assert_allclose(continuous_bernoulli_likelihood(logits).log_prob(images), expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.02, 0.5, 1.0])
def test_gaussian_likelihood_is_that_of_scipy(scale):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (2, 3, 2, 3)).astype(np.float32)
    images = rng.uniform(0, 1, logits.shape).astype(np.float32)
    means = scipy.special.expit(np.float64(logits))
    expected = scipy.stats.norm.logpdf(np.float64(images), means, scale).sum(axis=(1, 2, 3))
    likelihood = gaussian_likelihood(tf.constant(logits), scale)
    np.testing.assert_allclose(likelihood.log_prob(images), expected, rtol=1e-4)
    np.testing.assert_allclose(likelihood.mean(), means, rtol=1e-5)
