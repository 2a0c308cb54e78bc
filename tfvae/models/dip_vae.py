"""DIP-VAE-I and DIP-VAE-II."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.models.weights import Weight
from tfvae.objectives import vae as objectives


class _DIPVAE(VAE):
    """What both share: the weights of the penalty, and the penalty of a covariance."""

    logged = (*VAE.logged, "covariance_penalty")
    lambda_od = Weight()
    lambda_d = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        lambda_od: float,
        lambda_d: float,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        if lambda_od < 0 or lambda_d < 0:
            raise ValueError(f"Expected weights of at least 0. Received: lambda_od={lambda_od}, lambda_d={lambda_d}")
        self.lambda_od = lambda_od
        self.lambda_d = lambda_d

    def covariance(self, posterior: tfp.distributions.Distribution) -> tf.Tensor:
        """The covariance over the global batch that is drawn to the identity: [D, D]."""
        raise NotImplementedError

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        penalty = objectives.distance_from_identity(self.covariance(posterior), self.lambda_od, self.lambda_d)
        # One number of the batch, which each image has a share in: the mean over images is the number.
        shares = tf.fill(tf.shape(terms["loss"]), penalty)
        return {**terms, "loss": terms["loss"] + shares, "covariance_penalty": shares}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "lambda_od": self.lambda_od, "lambda_d": self.lambda_d}


@keras.saving.register_keras_serializable("tfvae")
class DIPVAE1(_DIPVAE):
    """Draws the covariance of the posteriors' means to the identity (Kumar et al., 2018, eq. 6): DIP-VAE-I.

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)) + lambda_od sum_{i != j} C_ij^2 + lambda_d sum_i (C_ii - 1)^2,
    with C = Cov[mu(x)] over the batch

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        lambda_od: float, at least 0, for the covariances. Locatello et al. (2019) compare 1 to 50.
        lambda_d: float, at least 0, for the variances; there, ten times lambda_od.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when a weight is negative.

    Examples:
        >>> model = tfvae.create("dip_vae_i", (16, 16, 1), latent_dim=2, lambda_od=5.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        lambda_od: float = 10.0,
        lambda_d: float = 100.0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            encoder,
            decoder,
            lambda_od=lambda_od,
            lambda_d=lambda_d,
            likelihood=likelihood,
            scale=scale,
            seed=seed,
            **kwargs,
        )

    def covariance(self, posterior: tfp.distributions.Distribution) -> tf.Tensor:
        return objectives.covariance(replicas.gather(posterior.mean()))


@keras.saving.register_keras_serializable("tfvae")
class DIPVAE2(_DIPVAE):
    """Draws the covariance of the codes to the identity (Kumar et al., 2018, eq. 7): DIP-VAE-II.

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)) + lambda_od sum_{i != j} C_ij^2 + lambda_d sum_i (C_ii - 1)^2,
    with C = Cov_q(z)[z] = E[Sigma(x)] + Cov[mu(x)] over the batch

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        lambda_od: float, at least 0, for the covariances. Locatello et al. (2019) compare 1 to 50.
        lambda_d: float, at least 0, for the variances; there, as large as lambda_od.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when a weight is negative.

    Examples:
        >>> model = tfvae.create("dip_vae_ii", (16, 16, 1), latent_dim=2, lambda_od=5.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        lambda_od: float = 10.0,
        lambda_d: float = 10.0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            encoder,
            decoder,
            lambda_od=lambda_od,
            lambda_d=lambda_d,
            likelihood=likelihood,
            scale=scale,
            seed=seed,
            **kwargs,
        )

    def covariance(self, posterior: tfp.distributions.Distribution) -> tf.Tensor:
        variance = tf.reduce_mean(replicas.gather(posterior.variance()), axis=0)
        return objectives.covariance(replicas.gather(posterior.mean())) + tf.linalg.diag(variance)
