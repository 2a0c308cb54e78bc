"""What the posteriors of two images have in common (Locatello et al., 2020, Section 4); no state, no reduction."""

import tensorflow as tf


def latent_kl(mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
    """delta_i = KL(q(z_i | x1) || q(z_i | x2)), one latent at a time, of Gaussians.

    Args:
        mean: float tensor [B, 2, D], of the posteriors of pairs.
        variance: float tensor [B, 2, D].

    Returns:
        float tensor [B, D], nats.
    """
    (mean_1, mean_2), (variance_1, variance_2) = tf.unstack(mean, axis=1), tf.unstack(variance, axis=1)
    logs = tf.math.log(variance_2) - tf.math.log(variance_1)
    return 0.5 * (variance_1 / variance_2 + (mean_2 - mean_1) ** 2 / variance_2 - 1.0 + logs)


def shared_latents(kl: tf.Tensor) -> tf.Tensor:
    """delta_i < tau with tau = (max_i delta_i + min_i delta_i) / 2 (Locatello et al., 2020, Section 4).

    Args:
        kl: float tensor [B, D], delta.

    Returns:
        bool tensor [B, D], the latents that the images of a pair share: none of a pair whose delta are all the same.
    """
    threshold = 0.5 * (tf.reduce_max(kl, axis=1, keepdims=True) + tf.reduce_min(kl, axis=1, keepdims=True))
    return kl < threshold


def averaged(mean: tf.Tensor, variance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The Gaussian of the average mean and the average variance of two (Hosoya, 2019): GVAE.

    Args:
        mean: float tensor [B, 2, D].
        variance: float tensor [B, 2, D].

    Returns:
        Its mean and variance, float tensors [B, D].
    """
    return tf.reduce_mean(mean, axis=1), tf.reduce_mean(variance, axis=1)


def product(mean: tf.Tensor, variance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The Gaussian in proportion to sqrt(q1 q2) (Bouchacourt et al., 2018, as in disentanglement_lib): ML-VAE.

        1 / v = (1 / v1 + 1 / v2) / 2,  m = v (m1 / v1 + m2 / v2) / 2

    The product q1 q2 has the same mean and half of the variance. With the root, two equal Gaussians give the same.

    Args:
        mean: float tensor [B, 2, D].
        variance: float tensor [B, 2, D].

    Returns:
        Its mean and variance, float tensors [B, D].
    """
    (mean_1, mean_2), (variance_1, variance_2) = tf.unstack(mean, axis=1), tf.unstack(variance, axis=1)
    # v2 / (v1 + v2): neither a product nor an inverse, which tiny variances would take out of float32.
    share = variance_2 / (variance_1 + variance_2)
    return share * mean_1 + (1.0 - share) * mean_2, 2.0 * variance_1 * share
