import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

from tests import tiny
from tfvae.analysis.iwae import importance_weighted_bounds, log_marginal_likelihood
from tfvae.data.images import ImageData

tfd = tfp.distributions

# x = W z + b + noise with z ~ N(0, I): x ~ N(b, W W' + s^2 I), and p(z|x) is Gaussian too.
WEIGHTS = np.array([[1.0, 0.3], [-0.4, 0.8], [0.5, 0.5]])
BIAS = np.array([0.2, -0.1, 0.4])
NOISE = 0.5
IMAGES = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
EVIDENCE = stats.multivariate_normal.logpdf(IMAGES, BIAS, WEIGHTS @ WEIGHTS.T + NOISE**2 * np.eye(3))


def log_likelihood(images, z):
    mean = z @ tf.constant(WEIGHTS.T, tf.float32) + tf.constant(BIAS, tf.float32)
    return tfd.MultivariateNormalDiag(mean, NOISE * tf.ones(3)).log_prob(images)


COVARIANCE = np.linalg.inv(np.eye(2) + WEIGHTS.T @ WEIGHTS / NOISE**2)


def means(images):
    return (images - tf.constant(BIAS, tf.float32)) @ tf.constant(WEIGHTS @ COVARIANCE / NOISE**2, tf.float32)


def exact_posterior(images):
    root = np.float32(np.linalg.cholesky(COVARIANCE))
    return tfd.MultivariateNormalTriL(means(images), root)


def diagonal_posterior(images):
    """As an encoder has it: without the correlation, and a little off."""
    scale = np.float32(1.3 * np.sqrt(np.diag(COVARIANCE)))
    return tfd.MultivariateNormalDiag(means(images) + 0.1, tf.ones_like(means(images)) * scale)


def bounds(posterior=diagonal_posterior, draws=1, **arguments):
    """Independent bounds of each image, [draws, N]: one call, since each call is traced anew."""
    found = importance_weighted_bounds(np.tile(IMAGES, (draws, 1)), posterior, log_likelihood, **arguments)
    return found.reshape(draws, len(IMAGES))


def elbo():
    """E log p(x|z) - KL(q(z|x) || p(z)) in closed form."""
    mean = means(IMAGES).numpy() + 0.1
    variance = 1.69 * np.diag(COVARIANCE)
    residual = IMAGES - mean @ WEIGHTS.T - BIAS
    expected = (residual**2 + WEIGHTS**2 @ variance) / NOISE**2 + np.log(2 * np.pi * NOISE**2)
    kl = 0.5 * (mean**2 + variance - np.log(variance) - 1)
    return -0.5 * expected.sum(axis=1) - kl.sum(axis=1)


def test_with_the_true_posterior_one_particle_is_the_evidence():
    np.testing.assert_allclose(bounds(exact_posterior, particles=1)[0], EVIDENCE, atol=2e-4)
    np.testing.assert_allclose(bounds(exact_posterior, particles=30, rows=70)[0], EVIDENCE, atol=2e-4)


def test_one_particle_is_the_elbo_in_expectation():
    draws = bounds(particles=1, draws=200)
    error = draws.std(axis=0, ddof=1) / np.sqrt(200)
    assert (np.abs(draws.mean(axis=0) - elbo()) < 4.5 * error).all()
    assert elbo().mean() < EVIDENCE.mean() - 0.1


def test_more_particles_are_better_and_approach_the_evidence():
    gaps = []
    for particles, draws in ((1, 40), (5, 40), (50, 10), (5_000, 1)):
        gaps.append(np.mean(EVIDENCE - bounds(particles=particles, draws=draws, rows=10_000)))
    assert gaps[0] > gaps[1] > gaps[2] > 0
    # The gap goes with 1 / K: of 5,000 particles it is below the Monte Carlo error of 40 images.
    assert abs(gaps[3]) < 0.01


def test_streaming_equals_one_sum():
    # Draws of 12 particles in three parts, against the same draws taken apart by hand. The largest weight is in the
    # first part for some images, later for others.
    images = IMAGES[:4]
    found = importance_weighted_bounds(images, diagonal_posterior, log_likelihood, particles=12, rows=5, seed=3)
    fold_in = tf.random.experimental.stateless_fold_in
    prior = tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2))
    largest = set()
    for row in range(4):
        image, weights = tf.constant(images[row : row + 1]), []
        for place, number in enumerate((5, 5, 2)):
            q = diagonal_posterior(image)
            z = q.sample(number, seed=fold_in(fold_in([3, 0], row), place))[:, 0]
            weights += list((log_likelihood(image, z) + prior.log_prob(z) - q.log_prob(z[:, tf.newaxis])[:, 0]).numpy())
        assert found[row] == pytest.approx(np.log(np.mean(np.exp(weights))), abs=1e-4)
        largest.add(int(np.argmax(weights) >= 5))
    assert largest == {0, 1}


def test_weights_that_differ_by_thousands_of_nats_do_not_overflow():
    def steep(images, z):
        return 1000 * z[:, 0] - 5000

    found = importance_weighted_bounds(IMAGES, exact_posterior, steep, particles=100, rows=30)
    assert np.isfinite(found).all()


def test_a_models_bound_lies_above_its_elbo():
    model = tiny.make("vae")
    images = np.uint8(255 * (np.random.default_rng(0).random((60, *tiny.SHAPE)) < 0.5))
    data = ImageData("noise", images)
    done = []
    one = log_marginal_likelihood(model, data, images=60, particles=1)
    many = log_marginal_likelihood(model, data, images=60, particles=200, progress=done.append)
    assert (many["images"], many["particles"], sum(done)) == (60, 200, 60)
    assert many["nats"] > one["nats"]
    loss = model.evaluate(images.astype(np.float32) / 255, verbose=0, return_dict=True, batch_size=60)["loss"]
    assert one["nats"] == pytest.approx(-loss, abs=4 * np.sqrt(2) * one["standard_error"])


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="particles=0"):
        bounds(particles=0)
    with pytest.raises(ArithmeticError, match="NaN among those of images 0"):
        importance_weighted_bounds(IMAGES, exact_posterior, lambda x, z: z[:, 0] * np.nan, particles=2)
    with pytest.raises(ValueError, match="images=1"):
        log_marginal_likelihood(None, None, images=1)
