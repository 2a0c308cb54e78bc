"""The terms of InfoGAN's and InfoWGAN-GP's objectives: one equation a function, one value per example, no state."""

import math
from collections.abc import Callable

import tensorflow as tf


def mutual_information_bound(
    codes: tf.Tensor, parameters: tf.Tensor, *, categories: int, stddev: float = 1.0
) -> tf.Tensor:
    """log Q(c | x) + H(c), whose mean bounds I(c; x) from below (Kim & Mnih, 2018, Appendix G).

    Q of a continuous code is a Gaussian of fixed width, N(mean, stddev^2), and its prior, U(-1, 1), has an entropy of
    log 2; the categorical one, uniform over C categories, has log C.

    Args:
        codes: float tensor [B, D + C]: continuous codes, then one-hot categories, which x was generated from.
        parameters: float tensor [B, D + C], Q's output on x: means, then logits.
        categories: C; 0 for continuous codes alone.
        stddev: width of Q. The bound is at most D log(2 / (stddev sqrt(2 pi))) + log C, when Q errs in nothing.

    Returns:
        float tensor [B], nats.
    """
    continuous = codes.shape[-1] - categories
    error = (codes[:, :continuous] - parameters[:, :continuous]) / stddev
    bound = tf.reduce_sum(math.log(2 / (stddev * math.sqrt(2 * math.pi))) - 0.5 * error**2, axis=-1)
    if categories:
        one_hot, logits = codes[:, continuous:], parameters[:, continuous:]
        bound += math.log(categories) - tf.nn.softmax_cross_entropy_with_logits(one_hot, logits)
    return bound


def gan_discriminator_loss(logits_real: tf.Tensor, logits_fake: tf.Tensor) -> tf.Tensor:
    """-[log D(x) + log(1 - D(G))] (Goodfellow et al., 2014; Kim & Mnih, 2018, Appendix G).

    Args:
        logits_real: float tensor [B, 1], of data.
        logits_fake: float tensor [B, 1], of generated images.

    Returns:
        float tensor [B], nats; 2 log 2 for a discriminator that cannot tell.
    """
    return tf.nn.softplus(-logits_real[:, 0]) + tf.nn.softplus(logits_fake[:, 0])


def gan_generator_loss(logits_fake: tf.Tensor) -> tf.Tensor:
    """-log D(G): the loss that does not saturate (Goodfellow et al., 2014), which Chen et al. (2016) minimise too.

    Args:
        logits_fake: float tensor [B, 1], of generated images.

    Returns:
        float tensor [B], nats.
    """
    return tf.nn.softplus(-logits_fake[:, 0])


def gradient_penalty(critic: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """(||grad_x D(x)|| - 1)^2 (Gulrajani et al., 2017, eq. 3).

    Args:
        critic: images [B, H, W, C] -> [B, 1], each row a function of its own image: no batch norm.
        images: float tensor [B, H, W, C], where the gradient is taken.

    Returns:
        float tensor [B].
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        values = critic(images)
    squares = tf.reduce_sum(tf.square(tape.gradient(values, images)), axis=(1, 2, 3))
    # The square root has no gradient at 0, where a dead critic would give NaN.
    return (tf.sqrt(tf.maximum(squares, 1e-12)) - 1) ** 2


def between(real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """share x + (1 - share) G, a point on the line between each image and a generated one (Gulrajani et al., 2017).

    Args:
        real: float tensor [B, H, W, C].
        fake: float tensor [B, H, W, C].
        share: float tensor [B, 1] in [0, 1].

    Returns:
        float tensor [B, H, W, C].
    """
    share = share[:, :, tf.newaxis, tf.newaxis]
    return share * real + (1 - share) * fake
