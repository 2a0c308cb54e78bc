"""beta-VAE."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models.base import Terms
from tfvae.models.vae import VAE


@keras.saving.register_keras_serializable("tfvae")
class BetaVAE(VAE):
    """Weighs the KL term (Higgins et al., 2017, eq. 4).

    loss = E[-log p(x | z)] + beta KL(q(z | x) || p(z))

    Args:
        encoder: as in `VAE`.
        decoder: as in `VAE`.
        beta: float, at least 0. A VAE has 1; a larger one trades reconstruction for disentanglement.
        seed: as in `VAE`.

    Raises:
        ValueError: when beta is negative.
    """

    def __init__(self, encoder: keras.Model, decoder: keras.Model, *, beta: float = 4.0, **kwargs: Any) -> None:
        super().__init__(encoder, decoder, **kwargs)
        if beta < 0:
            raise ValueError(f"Expected beta of at least 0. Received: beta={beta}")
        self.beta = beta

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        return {**terms, "loss": terms["reconstruction"] + self.beta * terms["kl"]}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta": self.beta}
