"""AnnealedVAE: beta-VAE with a capacity that grows."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.models.weights import Weight
from tfvae.objectives import vae as objectives


@keras.saving.register_keras_serializable("tfvae")
class AnnealedVAE(VAE):
    """Holds the KL term at a capacity C that grows during training (Burgess et al., 2018, eq. 8).

    loss = E[-log p(x | z)] + gamma |E KL(q(z | x) || p(z)) - C|, with C from 0 to c_max in `annealing_steps` steps

    The paper writes |KL - C| for one image. Here the KL is the mean over the batch (over all replicas), as in
    disentanglement_lib: one image may need more nats than another. C rises with the optimizer's count of steps, see
    `progress`.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        gamma: float, at least 0.
        c_max: float, at least 0, nats. The paper has 25 on 2D Shapes.
        annealing_steps: int, at least 1: steps until C is c_max.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when an argument is out of its range.

    Examples:
        >>> model = tfvae.create("annealed_vae", (16, 16, 1), latent_dim=2, c_max=10.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*VAE.logged, "capacity")
    gamma = Weight()
    c_max = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        gamma: float = 1000.0,
        c_max: float = 25.0,
        annealing_steps: int = 100_000,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        if gamma < 0 or c_max < 0 or annealing_steps < 1:
            raise ValueError(
                "Expected gamma and c_max of at least 0, and annealing_steps of at least 1. "
                f"Received: gamma={gamma}, c_max={c_max}, annealing_steps={annealing_steps}"
            )
        self.gamma = gamma
        self.c_max = c_max
        self.annealing_steps = annealing_steps

    def capacity(self) -> tf.Tensor:
        """C of the step that comes next: float32 [], nats."""
        return self.c_max * self.progress(self.annealing_steps)

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        capacity = self.capacity()
        penalty = objectives.capacity_penalty(replicas.gather(terms["kl"]), capacity)
        loss = terms["reconstruction"] + self.gamma * penalty
        return {**terms, "loss": loss, "capacity": tf.fill(tf.shape(loss), capacity)}

    def get_config(self) -> dict[str, Any]:
        own = {"gamma": self.gamma, "c_max": self.c_max, "annealing_steps": self.annealing_steps}
        return {**super().get_config(), **own}
