"""Ada-GVAE and Ada-ML-VAE: VAEs of pairs of images that have most factors in common."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models.base import Terms
from tfvae.models.beta_vae import BetaVAE
from tfvae.objectives import pairs as objectives
from tfvae.objectives.distributions import diagonal_gaussian

# Means and variances [B, 2, D] of pairs -> those [B, D] of one Gaussian for both.
Merge = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def adapted(
    posterior: tfp.distributions.Distribution, merge: Merge
) -> tuple[tfp.distributions.Distribution, tf.Tensor]:
    """The posteriors with the shared latents of each pair merged, and how many these are.

    Args:
        posterior: q(z | x), batch shape [2 B], of pairs in the rows 2 i and 2 i + 1.
        merge: how two Gaussians of a latent become one.

    Returns:
        A distribution of the same shape, and float tensor [2 B].
    """
    latent_dim = posterior.event_shape[0]
    pairs = [-1, 2, latent_dim]
    mean, variance = tf.reshape(posterior.mean(), pairs), tf.reshape(posterior.variance(), pairs)
    shared = objectives.shared_latents(objectives.latent_kl(mean, variance))
    merged_mean, merged_variance = merge(mean, variance)

    def of_both(shared_values: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        chosen = tf.where(shared[:, tf.newaxis], shared_values[:, tf.newaxis], tf.reshape(own, pairs))
        return tf.reshape(chosen, [-1, latent_dim])

    found = diagonal_gaussian(
        of_both(merged_mean, posterior.mean()), of_both(tf.sqrt(merged_variance), posterior.stddev())
    )
    number = tf.reduce_sum(tf.cast(shared, tf.float32), axis=1)
    return found, tf.repeat(number, 2)


def _terms(model: BetaVAE, images: tf.Tensor, seed: tf.Tensor, merge: Merge) -> Terms:
    """`loss_terms` of both images of the pairs [B, 2, H, W, C], and how many latents they share, each [2 B]."""
    images = tf.reshape(images, [-1, *model.image_shape])
    posterior, shared = adapted(model.posterior(images), merge)
    return {**model.loss_terms(images, posterior, model.sample(posterior, seed)), "shared": shared}


@keras.saving.register_keras_serializable("tfvae")
class AdaGVAE(BetaVAE):
    """Averages the posteriors of two images in the latents that they share (Locatello et al., 2020): Ada-GVAE.

    loss = sum over both images of {E[-log p(x | z)] + beta KL(q~(z | x) || p(z))} / 2, where q~(z_i | x) is
    q(z_i | x), or for both the Gaussian of average mean and variance if delta_i < (max_j delta_j + min_j delta_j) / 2,
    with delta_i = KL(q(z_i | x1) || q(z_i | x2))

    `fit` and `evaluate` take pairs [B, 2, H, W, C] of images that differ in few factors, which nobody has to name; the
    batch size counts pairs. `tfvae.data.paired` and names such as "dsprites?pairs=1" make them. The representation is
    that of a single image, so all else is as with `BetaVAE`. Of pairs of equal images, the loss is that of a `BetaVAE`.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        beta: float, at least 0. Locatello et al. compare 1 to 16.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when beta is negative.

    Examples:
        >>> model = tfvae.create("ada_gvae", (16, 16, 1), latent_dim=2)
        >>> history = model.fit(np.zeros([8, 2, 16, 16, 1], np.float32), verbose=0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    paired = True
    logged = (*BetaVAE.logged, "shared")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        beta: float = 1.0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, beta=beta, likelihood=likelihood, scale=scale, seed=seed, **kwargs)

    def terms(self, images: tf.Tensor, seed: tf.Tensor) -> Terms:
        return _terms(self, images, seed, objectives.averaged)


@keras.saving.register_keras_serializable("tfvae")
class AdaMLVAE(BetaVAE):
    """Multiplies the posteriors of two images in the latents that they share (Locatello et al., 2020): Ada-ML-VAE.

    loss = sum over both images of {E[-log p(x | z)] + beta KL(q~(z | x) || p(z))} / 2, where q~(z_i | x) is
    q(z_i | x), or for both the Gaussian in proportion to sqrt(q(z_i | x1) q(z_i | x2)) if
    delta_i < (max_j delta_j + min_j delta_j) / 2, with delta_i = KL(q(z_i | x1) || q(z_i | x2))

    Pairs are those of `AdaGVAE`. The paper writes the product; the root is that of its code, see
    `objectives.pairs.product`.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        beta: float, at least 0. Locatello et al. compare 1 to 16.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when beta is negative.

    Examples:
        >>> model = tfvae.create("ada_ml_vae", (16, 16, 1), latent_dim=2)
        >>> history = model.fit(np.zeros([8, 2, 16, 16, 1], np.float32), verbose=0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    paired = True
    logged = (*BetaVAE.logged, "shared")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        beta: float = 1.0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, beta=beta, likelihood=likelihood, scale=scale, seed=seed, **kwargs)

    def terms(self, images: tf.Tensor, seed: tf.Tensor) -> Terms:
        return _terms(self, images, seed, objectives.product)
