import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfvae.objectives import gan as gan_objectives

RNG = np.random.default_rng(0)
LOGITS, OTHERS = (RNG.normal(size=(6, 1)).astype(np.float32) for _ in range(2))


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def test_bound_equals_densities_written_out():
    means, logits = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 3))
    codes, categories = RNG.uniform(-1, 1, (5, 2)), np.array([0, 2, 1, 1, 0])
    bound = gan_objectives.mutual_information_bound(
        tf.constant(np.hstack([codes, np.eye(3)[categories]]), tf.float32),
        tf.constant(np.hstack([means, logits]), tf.float32),
        categories=3,
        stddev=0.4,
    )
    for row in range(5):
        probabilities = np.exp(logits[row]) / np.exp(logits[row]).sum()
        expected = np.log(probabilities[categories[row]]) + np.log(3)
        for code, mean in zip(codes[row], means[row], strict=True):
            expected += scipy.stats.norm(mean, 0.4).logpdf(code) - scipy.stats.uniform(-1, 2).logpdf(code)
        assert float(bound[row]) == pytest.approx(expected, abs=1e-4)


def test_bound_is_the_mutual_information_of_a_gaussian_channel_that_q_knows():
    # x = c + s e with c ~ U(-1, 1): for small s, I(c; x) = H(x) - H(x | c) = log 2 - log(s sqrt(2 pi e)) + O(s), as x
    # is nearly uniform; the best Gaussian Q(c | x) = N(x, s^2) attains it.
    s, n = 0.02, 40_000
    codes = RNG.uniform(-1, 1, (n, 1))
    read = codes + s * RNG.normal(size=(n, 1))
    bound = gan_objectives.mutual_information_bound(tf.constant(codes), tf.constant(read), categories=0, stddev=s)
    expected = np.log(2) - np.log(s * np.sqrt(2 * np.pi * np.e))
    # The bound's standard deviation is that of e^2 / 2, 0.71.
    assert np.mean(bound) == pytest.approx(expected, abs=5 * 0.71 / np.sqrt(n))


def test_bound_of_a_symmetric_channel_is_shannons():
    # A category of four that is kept with 0.7 and becomes each of the others with 0.1, and a Q that knows it.
    kept = np.eye(4)
    logits = np.log(np.full((4, 4), 0.1) + 0.6 * np.eye(4))
    capacity = np.log(4) + 0.7 * np.log(0.7) + 0.3 * np.log(0.1)
    values = [
        gan_objectives.mutual_information_bound(
            tf.constant(np.hstack([np.zeros((4, 1)), kept]), tf.float32),
            tf.constant(np.hstack([np.zeros((4, 1)), logits[read] * np.ones((4, 1))]), tf.float32),
            categories=4,
            stddev=2 / np.sqrt(2 * np.pi),  # so that a continuous code without error adds log 1
        )
        for read in range(4)
    ]
    expected = sum(np.exp(logits[code, read]) / 4 * float(values[read][code]) for code in range(4) for read in range(4))
    assert expected == pytest.approx(capacity, abs=1e-5)


def test_losses_of_the_gan_equal_logarithms_written_out():
    expected = -(np.log(sigmoid(LOGITS)) + np.log(1 - sigmoid(OTHERS)))[:, 0]
    np.testing.assert_allclose(gan_objectives.gan_discriminator_loss(LOGITS, OTHERS), expected, rtol=1e-5)
    np.testing.assert_allclose(gan_objectives.gan_generator_loss(OTHERS), -np.log(sigmoid(OTHERS))[:, 0], rtol=1e-5)
    zero = np.zeros((1, 1), np.float32)
    assert float(gan_objectives.gan_discriminator_loss(zero, zero)[0]) == pytest.approx(2 * np.log(2))


@pytest.mark.parametrize("norm", [0.5, 1.0, 3.0])
def test_penalty_of_a_linear_critic_is_that_of_its_slope(norm):
    slope = RNG.normal(size=(4 * 4, 1)).astype(np.float32)
    slope *= norm / np.linalg.norm(slope)
    images = tf.constant(RNG.random((5, 4, 4, 1)), tf.float32)
    penalty = gan_objectives.gradient_penalty(lambda x: tf.reshape(x, [-1, 16]) @ slope, images)
    np.testing.assert_allclose(penalty, np.full(5, (norm - 1) ** 2), atol=1e-5)


def test_penalty_is_of_each_image_and_can_be_trained():
    images = tf.constant(RNG.random((5, 2, 2, 1)), tf.float32)
    scale = tf.Variable(0.7)
    with tf.GradientTape() as tape:
        # The gradient at x is scale x.
        penalty = gan_objectives.gradient_penalty(
            lambda x: 0.5 * scale * tf.reduce_sum(x**2, axis=(1, 2, 3))[:, tf.newaxis], images
        )
    norms = np.linalg.norm(images.numpy().reshape(5, 4), axis=1)
    np.testing.assert_allclose(penalty, (0.7 * norms - 1) ** 2, rtol=1e-4, atol=1e-6)
    assert float(tape.gradient(penalty, scale)) == pytest.approx(np.sum(2 * (0.7 * norms - 1) * norms), rel=1e-4)


def test_a_dead_critic_has_a_penalty_of_1_and_no_nan():
    scale = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = gan_objectives.gradient_penalty(
            lambda x: scale * tf.reduce_sum(x, axis=(1, 2, 3))[:, tf.newaxis], tf.ones([2, 3, 3, 1])
        )
    np.testing.assert_allclose(penalty, [1, 1], atol=1e-5)
    assert np.isfinite(tape.gradient(penalty, scale))


def test_points_between_lie_on_the_lines():
    real, fake = (RNG.random((3, 2, 2, 1)).astype(np.float32) for _ in range(2))
    share = np.array([[1.0], [0.0], [0.25]], np.float32)
    points = gan_objectives.between(real, fake, share)
    np.testing.assert_allclose(points, [real[0], fake[1], 0.25 * real[2] + 0.75 * fake[2]], rtol=1e-6)
