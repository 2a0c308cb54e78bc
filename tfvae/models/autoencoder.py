"""The base of autoencoders whose code is a deterministic function of the image."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models.base import Model
from tfvae.models.ends import check_logits
from tfvae.models.likelihoods import added_log_scale, is_bounded, likelihood_of
from tfvae.models.vae import ARCHITECTURES


class Autoencoder(Model):
    """An encoder, a decoder and a likelihood p(x | z), without a posterior and a prior.

    Args:
        networks: built Keras networks by name, with "encoder" and "decoder"; the decoder maps codes [B, D] to logits.
        likelihood: p(x | z), as in `VAE`: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the randomness of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: for an unknown likelihood, a scale that it does not have, or a decoder that ends in a sigmoid.
    """

    networks: tuple[str, ...] = ("encoder", "decoder")
    trained_networks: Mapping[str, tuple[str, ...]] = {"optimizer": ("encoder", "decoder")}
    architectures = ARCHITECTURES
    default_architecture = "table_1"
    decoding_network = "decoder"
    takes_labels = True

    def __init__(
        self,
        networks: Mapping[str, keras.Model],
        *,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(networks, seed=seed, **kwargs)
        self.log_scale = added_log_scale(self, likelihood, scale)
        self.likelihood_name = likelihood
        self.scale = scale
        if self.bounded:
            check_logits("decoder", self.decoder)

    @property
    def bounded(self) -> bool:
        return is_bounded(self.likelihood_name, self.image_shape)

    @property
    def own_variables(self) -> list[keras.Variable]:
        return [] if self.log_scale is None else [self.log_scale]

    @property
    def latent_dim(self) -> int:
        return self.decoder.input_shape[-1]

    def representation(self, parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's output by name: {"mean": [B, D]}, a code without a posterior."""
        return {"mean": tf.cast(parameters, tf.float32)}

    def likelihood(self, z: tf.Tensor) -> tfp.distributions.Distribution:
        """p(x | z): batch shape [B], event shape [H, W, C], or that of the vectors."""
        return likelihood_of(self.run(self.decoder, z), self.likelihood_name, self.scale, self.log_scale)

    def log_likelihood(self, images: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        """log p(x | z) of images [B, H, W, C] and codes [B, D]: [B], in nats."""
        return self.likelihood(z).log_prob(tf.cast(images, tf.float32))

    def decode(self, z: tf.Tensor) -> tf.Tensor:
        """The mean of p(x | z): [B, D] -> [B, H, W, C] in [0, 1], or vectors [B, F]."""
        return self.likelihood(z).mean()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "likelihood": self.likelihood_name, "scale": self.scale}
