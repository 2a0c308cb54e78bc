"""The quantised-latent autoencoder (QLAE)."""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae.experiment import Experiment
from tfvae.models.autoencoder import Autoencoder
from tfvae.models.base import Terms
from tfvae.models.checks import check_network
from tfvae.models.vae import autoencoder_makers
from tfvae.models.weights import Weight
from tfvae.networks.optimizers import Adam
from tfvae.networks.quantizer import Quantizer


@keras.saving.register_keras_serializable("tfvae")
class QLAE(Autoencoder):
    """An autoencoder whose latents have few values each, and whose weights decay (Hsu et al., 2023): QLAE.

    loss = -log p(x | z_q) + n {quantization_weight Q + commitment_weight C},
    with Q = 1/D sum_j (stop[z_j] - z_qj)^2 and C = 1/D sum_j (z_j - stop[z_qj])^2, where z is the encoder's output and
    z_qj the nearest to it of the V values that latent j has, which are trained. The decoder's gradient passes from z_q
    to z as if they were the same.

    Few values, which the decoder has to give one meaning each, and a strong weight decay disentangle: by default Adam's
    "weight_decay" is 0.1, of the rate, as AdamW's. It leaves out biases and the latents' values.

    The code, "mean", is exactly one of the values in each latent, so `infom`, `infoe` and `infoc` take it for discrete;
    "value_indices" are the places of these values among the latent's, from 0 to V - 1. There is no prior: to draw
    images, combine values that occur.

    What differs from the authors' code: their error is the mean over the n pixels and colours of an image, and this is
    its sum, hence the factor n; they cut gradients off at 1 (`clipvalue=1.0` of an optimizer does it here); their
    networks are deeper. Their kind of decoder is `architecture="style"`, see `tfvae.networks.style_decoder`.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, D]. The model adds a `tfvae.networks.Quantizer` to it, unless
            it ends with one.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        num_values: int, at least 1: V, published: 10.
        quantization_weight: float, at least 0, published: 0.01.
        commitment_weight: float, at least 0, published: 0.01.
        likelihood: p(x | z), as in `VAE`: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int, which the model does not use.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other or num_values, or an argument is out of its range.

    Examples:
        >>> model = tfvae.create("qlae", (16, 16, 1), latent_dim=2, num_values=4)
        >>> codes = model.predict(np.random.default_rng(0).random([64, 16, 16, 1]), verbose=0)
        >>> codes["mean"].shape, len(np.unique(codes["mean"][:, 0])) <= 4
        ((64, 2), True)
        >>> codes["value_indices"].dtype, bool(codes["value_indices"].max() < 4)
        (dtype('int32'), True)
    """

    optimizers = {"optimizer": {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "weight_decay": 0.1}}
    logged = ("loss", "reconstruction", "quantization", "commitment")
    default_batch_size = 128
    quantization_weight = Weight()
    commitment_weight = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        num_values: int = 10,
        quantization_weight: float = 0.01,
        commitment_weight: float = 0.01,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        check_network("encoder", encoder)
        if not isinstance(encoder.layers[-1], Quantizer):
            encoder = keras.Sequential(
                [keras.Input(encoder.input_shape[1:]), encoder, Quantizer(num_values, name="quantizer")], name="encoder"
            )
        networks = {"encoder": encoder, "decoder": decoder}
        super().__init__(networks, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        dim, found = self.latent_dim, encoder.layers[-1].num_values
        if (encoder.output_shape, decoder.output_shape) != ((None, 2 * dim), encoder.input_shape):
            raise ValueError(
                "Expected an encoder [B, H, W, C] -> [B, D] and a decoder [B, D] -> [B, H, W, C], or [B, F] for "
                f"vectors. Received: encoder {encoder.input_shape} -> {(None, encoder.output_shape[-1] // 2)}, "
                f"decoder {decoder.input_shape} -> {decoder.output_shape}"
            )
        if num_values != found:
            raise ValueError(f"Expected num_values={found}, those of the encoder. Received: num_values={num_values}")
        self.num_values = num_values
        self.quantization_weight = quantization_weight
        self.commitment_weight = commitment_weight

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, ...]
    ) -> dict[str, Callable[..., keras.Model]]:
        dim = experiment.latent_dim
        return autoencoder_makers(experiment, image_shape, dim, cls.architectures, outputs=dim)

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As `keras.Model.compile`, without losses and metrics; by default with the AdamW of the class.

        The weight decay of a new optimizer leaves out biases and the values of latents.
        """
        optimizer = Adam(**self.optimizers["optimizer"]) if optimizer is None else keras.optimizers.get(optimizer)
        inner = optimizer.inner_optimizer if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) else optimizer
        if not inner.built:
            biases = [variable for variable in self.trainable_variables if variable.name == "bias"]
            inner.exclude_from_weight_decay(var_list=[*self.encoder.layers[-1].trainable_variables, *biases])
        super().compile(optimizer=optimizer, **kwargs)

    def representation(self, parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's output [B, 2 D] by name: {"mean": z_q [B, D], "value_indices": int32 [B, D]}.

        They are values out of those of each latent, and their places among them, from 0 to V - 1.
        """
        z, quantized = tf.split(parameters, 2, axis=-1)
        return {**super().representation(quantized), "value_indices": self.encoder.layers[-1].nearest(z)}

    def loss_terms(self, images: tf.Tensor) -> Terms:
        """The loss to minimise and its parts, each [B]: in nats, and in squared units of the codes."""
        z, quantized = tf.split(self.run(self.encoder, images), 2, axis=-1)
        reconstruction = -self.log_likelihood(images, z + tf.stop_gradient(quantized - z))
        quantization = tf.reduce_mean((tf.stop_gradient(z) - quantized) ** 2, axis=-1)
        commitment = tf.reduce_mean((z - tf.stop_gradient(quantized)) ** 2, axis=-1)
        penalty = self.quantization_weight * quantization + self.commitment_weight * commitment
        loss = reconstruction + math.prod(self.image_shape) * penalty
        parts = {"reconstruction": reconstruction, "quantization": quantization, "commitment": commitment}
        return {"loss": loss, **parts}

    def train_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        with tf.GradientTape() as tape:
            terms = self.loss_terms(images)
            loss = self.scaled_mean(terms["loss"])
        self.minimise(tape, loss)
        return self.log(terms)

    def test_step(self, data: Any) -> dict[str, Any]:
        return self.log(self.loss_terms(self.images_of(data)))

    def get_config(self) -> dict[str, Any]:
        weights = {"quantization_weight": self.quantization_weight, "commitment_weight": self.commitment_weight}
        return {**super().get_config(), "num_values": self.num_values, **weights}
