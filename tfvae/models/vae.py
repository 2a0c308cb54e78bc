"""The variational autoencoder, and the base of those that follow it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.experiment import Experiment
from tfvae.models.base import Model, Terms
from tfvae.models.ends import check_logits
from tfvae.models.likelihoods import added_log_scale, is_bounded, likelihood_of
from tfvae.networks import dense, style
from tfvae.networks import vae as networks
from tfvae.objectives.distributions import gaussian_posterior, standard_normal

ARCHITECTURES: dict[str, dict[str, int]] = {**networks.ARCHITECTURES, **style.ARCHITECTURES, **dense.ARCHITECTURES}


@keras.saving.register_keras_serializable("tfvae")
class VAE(Model):
    """Maximises the evidence lower bound (Kingma & Welling, 2014).

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)), with z ~ q(z | x)

    A subclass changes the objective in `loss_terms`, and only a model with a second optimizer changes `train_step` too.
    The terms of the loss are in nats.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].

            Instead of images, the data may be vectors: an encoder [B, F] -> [B, 2 D] and a decoder [B, D] -> [B, F].
            Vectors may have any finite values with a Gaussian likelihood, whose mean is then the decoder's output
            itself, and are in [0, 1] with the others.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian"
            (`tfvae.objectives.distributions`). The last two are densities: their log likelihoods can be positive,
            and do not compare with those of another likelihood.
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other, or for an unknown likelihood, or a scale that the
            likelihood does not have.

    Examples:
        >>> model = tfvae.create("vae", (16, 16, 1), latent_dim=2, likelihood="gaussian")
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    networks: tuple[str, ...] = ("encoder", "decoder")
    optimizers = {"optimizer": {"learning_rate": 1e-4, "beta_1": 0.9, "beta_2": 0.999}}
    logged: tuple[str, ...] = ("loss", "reconstruction", "kl")
    trained_networks: Mapping[str, tuple[str, ...]] = {"optimizer": ("encoder", "decoder")}
    architectures = ARCHITECTURES
    default_architecture = "table_1"
    decoding_network = "decoder"
    takes_labels = True
    has_log_variance = True

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__({"encoder": encoder, "decoder": decoder}, seed=seed, **kwargs)
        self.check_networks()
        self.log_scale = added_log_scale(self, likelihood, scale)
        self.likelihood_name = likelihood
        self.scale = scale
        if self.bounded:
            check_logits("decoder", decoder)

    def check_networks(self) -> None:
        """Raises ValueError when the encoder and the decoder do not fit each other."""
        encoder, decoder = self.encoder, self.decoder
        if encoder.output_shape[-1] != 2 * decoder.input_shape[-1] or encoder.input_shape != decoder.output_shape:
            raise ValueError(
                "Expected an encoder [B, H, W, C] -> [B, 2 D] and a decoder [B, D] -> [B, H, W, C], or [B, F] for "
                "vectors. "
                f"Received: encoder {encoder.input_shape} -> {encoder.output_shape}, "
                f"decoder {decoder.input_shape} -> {decoder.output_shape}"
            )

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, ...]
    ) -> dict[str, Callable[..., keras.Model]]:
        return autoencoder_makers(experiment, image_shape, experiment.latent_dim, cls.architectures)

    @property
    def bounded(self) -> bool:
        return is_bounded(self.likelihood_name, self.image_shape)

    @property
    def latent_dim(self) -> int:
        return self.decoder.input_shape[-1]

    @property
    def own_variables(self) -> list[keras.Variable]:
        return [] if self.log_scale is None else [self.log_scale]

    def posterior(self, images: tf.Tensor) -> tfp.distributions.Distribution:
        """q(z | x): batch shape [B], event shape [D]."""
        return gaussian_posterior(self.run(self.encoder, images))

    def likelihood(self, z: tf.Tensor) -> tfp.distributions.Distribution:
        """p(x | z): batch shape [B], event shape [H, W, C], or that of the vectors."""
        return likelihood_of(self.run(self.decoder, z), self.likelihood_name, self.scale, self.log_scale)

    def log_likelihood(self, images: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        """log p(x | z) of images [B, H, W, C] and codes [B, D]: [B], in nats."""
        return self.likelihood(z).log_prob(tf.cast(images, tf.float32))

    def decode(self, z: tf.Tensor) -> tf.Tensor:
        """The mean of p(x | z): [B, D] -> [B, H, W, C] in [0, 1], or vectors [B, F]."""
        return self.likelihood(z).mean()

    def prior_draws(self, count: int, seed: int) -> tuple[np.ndarray, ...]:
        """Codes [count, D] from their prior N(0, I), as `decode` takes them."""
        return (np.random.default_rng(seed).standard_normal((count, self.latent_dim), np.float32),)

    def representation(self, parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's output [B, 2 D] by name: {"mean": [B, D], "log_variance": [B, D]}."""
        mean, log_variance = tf.split(tf.cast(parameters, tf.float32), 2, axis=-1)
        return {"mean": mean, "log_variance": log_variance}

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        """The loss to minimise and its parts, each [B], in nats."""
        reconstruction = -self.log_likelihood(images, z)
        kl = posterior.kl_divergence(standard_normal(self.latent_dim))
        return {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}

    def terms(self, images: tf.Tensor, seed: tf.Tensor) -> Terms:
        """`loss_terms` of what `fit` is given, with one code an image, whose noise the seed decides."""
        posterior = self.posterior(images)
        return self.loss_terms(images, posterior, self.sample(posterior, seed))

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As `keras.Model.compile`, without losses and metrics; by default with the paper's Adam (1e-4, 0.9, 0.999)."""
        super().compile(optimizer=optimizer, **kwargs)

    def train_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        with tf.GradientTape() as tape:
            terms = self.terms(images, self.step_seed(stream=0))
            loss = self.scaled_mean(terms["loss"])
        self.minimise(tape, loss)
        return self.log(terms)

    def test_step(self, data: Any) -> dict[str, Any]:
        return self.log(self.terms(self.images_of(data), self.test_seed(stream=0)))

    def sample(self, posterior: tfp.distributions.Distribution, seed: tf.Tensor) -> tf.Tensor:
        """z ~ posterior, by reparameterisation, with noise that is one draw over the global batch: [B, D]."""
        mean = posterior.mean()
        return mean + posterior.stddev() * replicas.standard_normal_like(mean, seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "likelihood": self.likelihood_name, "scale": self.scale}


def autoencoder_makers(
    experiment: Experiment,
    image_shape: tuple[int, ...],
    code_dim: int,
    architectures: Mapping[str, Any],
    *,
    outputs: int | None = None,
) -> dict[str, Callable[..., keras.Model]]:
    """Functions of `seed` that build the encoder and decoder of an architecture, see `Model.network_makers`.

    Args:
        experiment: names the architecture and the precision.
        image_shape: (H, W, C), or (F,) of vectors for "dense".
        code_dim: the decoder's inputs.
        architectures: the sizes of the networks by name.
        outputs: the encoder's outputs, where they are not the means and log variances of the codes.
    """
    sizes: dict[str, Any] = {**architectures[experiment.architecture], "dtype": experiment.precision}
    makers: tuple[Callable[..., keras.Model], ...] = (networks.encoder, networks.decoder)
    if experiment.architecture in dense.ARCHITECTURES:
        makers = (dense.dense_encoder, dense.dense_decoder)
    elif experiment.architecture in style.ARCHITECTURES:
        makers = (networks.encoder, style.style_decoder)
    encoder, decoder = makers
    return {
        "encoder": partial(encoder, image_shape, code_dim, outputs=outputs, **sizes),
        "decoder": partial(decoder, image_shape, code_dim, **sizes),
    }
