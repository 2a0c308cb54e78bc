"""beta-VAE."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.models.weights import Weight


@keras.saving.register_keras_serializable("tfvae")
class BetaVAE(VAE):
    """Weighs the KL term (Higgins et al., 2017, eq. 4).

    loss = E[-log p(x | z)] + beta KL(q(z | x) || p(z))

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        beta: float, at least 0. A VAE has 1; a larger one trades reconstruction for disentanglement.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when beta is negative.

    Examples:
        >>> model = tfvae.create("beta_vae", (16, 16, 1), latent_dim=2, beta=2.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    beta = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        beta: float = 4.0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        if beta < 0:
            raise ValueError(f"Expected beta of at least 0. Received: beta={beta}")
        self.beta = beta

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        return {**terms, "loss": terms["reconstruction"] + self.beta * terms["kl"]}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta": self.beta}
