"""The distributions of a VAE, made from the tensors that its networks output.

All are float32, whatever the precision of the networks: these numbers go through exponentials and long sums.
"""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def gaussian_posterior(parameters: tf.Tensor) -> tfp.distributions.Distribution:
    """q(z | x), a diagonal Gaussian (Kingma & Welling, 2014, Appendix C.2).

    Args:
        parameters: float tensor [B, 2 D]: D means, then D log variances.

    Returns:
        A distribution with batch shape [B] and event shape [D].
    """
    mean, log_variance = tf.split(tf.cast(parameters, tf.float32), 2, axis=-1)
    return diagonal_gaussian(mean, tf.exp(0.5 * log_variance))


def bernoulli_likelihood(logits: tf.Tensor) -> tfp.distributions.Distribution:
    """p(x | z), one Bernoulli a pixel or entry (Kim & Mnih, 2018, Appendix A).

    A pixel x in (0, 1) is a target for the mean: log p = x log p_on + (1 - x) log(1 - p_on).

    Args:
        logits: float tensor [B, ...], of any event shape: [B, H, W, C] of images, [B, F] of vectors.

    Returns:
        A distribution with batch shape [B] and the logits' event shape.
    """
    # dtype: TFP's default, int32, would silently truncate a NumPy image of grey values.
    pixels = tfd.Bernoulli(logits=tf.cast(logits, tf.float32), dtype=tf.float32)
    return tfd.Independent(pixels, reinterpreted_batch_ndims=len(logits.shape) - 1)


def continuous_bernoulli_likelihood(logits: tf.Tensor) -> tfp.distributions.Distribution:
    """p(x | z), a density over pixels in [0, 1] (Loaiza-Ganem & Cunningham, 2019, eq. 6).

    p(x) = C(lambda) lambda^x (1 - lambda)^(1 - x), with lambda = sigmoid(logit) and
    C(lambda) = 2 artanh(1 - 2 lambda) / (1 - 2 lambda), which is 2 at lambda = 1/2.

    The mean of a pixel is not lambda: it is nearer to 1/2.

    Args:
        logits: float tensor [B, ...], of any event shape: [B, H, W, C] of images, [B, F] of vectors.

    Returns:
        A distribution with batch shape [B] and the logits' event shape.
    """
    # TFP computes C from the logit, with a series around 0: stable near lambda = 1/2 and near 0 and 1.
    pixels = tfd.ContinuousBernoulli(logits=tf.cast(logits, tf.float32))
    return tfd.Independent(pixels, reinterpreted_batch_ndims=len(logits.shape) - 1)


def gaussian_likelihood(outputs: tf.Tensor, scale: Any, *, bounded: bool = True) -> tfp.distributions.Distribution:
    """p(x | z), one Gaussian a pixel or entry (Rybkin et al., 2021, Section 3).

    p(x) = N(x; sigmoid(output), scale^2) for data in [0, 1], N(x; output, scale^2) for any others

    Args:
        logits: float tensor [B, H, W, C].
        scale: float > 0 or tensor [], the standard deviation of all pixels or entries.
        bounded: whether the mean is in [0, 1], the sigmoid of the output; otherwise it is the output.

    Returns:
        A distribution with batch shape [B] and event shape [H, W, C].
    """
    outputs = tf.cast(outputs, tf.float32)
    pixels = tfd.Normal(loc=tf.sigmoid(outputs) if bounded else outputs, scale=scale)
    return tfd.Independent(pixels, reinterpreted_batch_ndims=len(outputs.shape) - 1)


def standard_normal(dim: int) -> tfp.distributions.Distribution:
    """p(z) = N(0, I): batch shape [], event shape [dim]."""
    return diagonal_gaussian(tf.zeros(dim), tf.ones(dim))


def diagonal_gaussian(mean: tf.Tensor, stddev: tf.Tensor) -> tfp.distributions.Distribution:
    """N(mean, diag(stddev^2)), of float tensors [..., D]: batch shape [...], event shape [D]."""
    # tfd.MultivariateNormalDiag is the same distribution, and takes more than twice as long to trace.
    return tfd.Independent(tfd.Normal(mean, stddev), reinterpreted_batch_ndims=1)
