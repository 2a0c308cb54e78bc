"""The variational autoencoder, and the base of the other models."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import distribute
from tfvae.distributions import bernoulli_likelihood, gaussian_posterior, standard_normal

Terms = dict[str, tf.Tensor]


@keras.saving.register_keras_serializable("tfvae")
class VAE(keras.Model):
    """Maximises the evidence lower bound (Kingma & Welling, 2014).

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)), with z ~ q(z | x)

    A subclass changes the objective in `loss_terms`, and only a model with a second optimizer changes `train_step` too.
    `fit` and `evaluate` take images alone, float [B, H, W, C] in [0, 1]; labels beside them are ignored. They report
    the terms of the loss in nats, as means over images.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        seed: int. With the step, it decides the noise of that step.

    Raises:
        ValueError: when the networks do not fit each other.
    """

    networks: tuple[str, ...] = ("encoder", "decoder")  # the constructor arguments that are networks
    optimizers: tuple[str, ...] = ("optimizer",)  # the arguments of compile that are optimizers
    logged: tuple[str, ...] = ("loss", "reconstruction", "kl")  # what fit and evaluate report: means over images
    batch_multiple = 1  # a training batch must be a multiple of it, on each replica

    def __init__(self, encoder: keras.Model, decoder: keras.Model, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if encoder.output_shape[-1] != 2 * decoder.input_shape[-1] or encoder.input_shape != decoder.output_shape:
            raise ValueError(
                "Expected an encoder [B, H, W, C] -> [B, 2 D] and a decoder [B, D] -> [B, H, W, C]. "
                f"Received: encoder {encoder.input_shape} -> {encoder.output_shape}, "
                f"decoder {decoder.input_shape} -> {decoder.output_shape}"
            )
        self.encoder = encoder
        self.decoder = decoder
        self.seed = seed
        self.means = [keras.metrics.Mean(name=name) for name in self.logged]
        # The networks are built, so the model is. (`self.build()` would lock it against a subclass's networks.)
        self.built = True

    @property
    def latent_dim(self) -> int:
        return self.decoder.input_shape[-1]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.encoder.input_shape[1:]

    @property
    def vae_variables(self) -> list[keras.Variable]:
        """What `optimizer` trains."""
        return self.encoder.trainable_variables + self.decoder.trainable_variables

    def posterior(self, images: tf.Tensor) -> tfp.distributions.Distribution:
        """q(z | x): batch shape [B], event shape [D]."""
        return gaussian_posterior(self.encoder(images))

    def likelihood(self, z: tf.Tensor) -> tfp.distributions.Distribution:
        """p(x | z): batch shape [B], event shape [H, W, C]."""
        return bernoulli_likelihood(self.decoder(z))

    def decode(self, z: tf.Tensor) -> tf.Tensor:
        """The mean image of p(x | z): [B, D] -> [B, H, W, C], in [0, 1]."""
        return self.likelihood(z).mean()

    def call(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The representation of images: {"mean": [B, D], "log_variance": [B, D]}."""
        mean, log_variance = tf.split(tf.cast(self.encoder(images), tf.float32), 2, axis=-1)
        return {"mean": mean, "log_variance": log_variance}

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        """The loss to minimise and its parts, each [B], in nats."""
        reconstruction = -self.likelihood(z).log_prob(images)
        kl = posterior.kl_divergence(standard_normal(self.latent_dim))
        return {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """As `keras.Model.compile`, without losses and metrics; by default with the paper's Adam (1e-4, 0.9, 0.999).

        Raises:
            ValueError: for `jit_compile=True` or `steps_per_execution > 1` with more than one replica.
        """
        jit, steps = kwargs.get("jit_compile"), kwargs.get("steps_per_execution", 1)
        if distribute.num_replicas() > 1 and (jit is True or steps > 1):
            # keras-team/keras#19246: it would fail in the middle of the first step.
            raise ValueError(
                "Keras cannot use jit_compile=True or steps_per_execution > 1 with more than one replica. "
                f"Received: jit_compile={jit}, steps_per_execution={steps}, replicas={distribute.num_replicas()}"
            )
        super().compile(optimizer=keras.optimizers.Adam(1e-4) if optimizer is None else optimizer, **kwargs)
        # Built here, on its own variables: left alone, Keras builds it on *all* variables when it loads a file.
        self.optimizer.build(self.vae_variables)

    def get_compile_config(self) -> dict[str, Any] | None:
        if not self.compiled:
            return None
        config = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.optimizers}
        return config | {"steps_per_execution": self.steps_per_execution, "jit_compile": self.jit_compile}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    def train_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        with tf.GradientTape() as tape:
            posterior = self.posterior(images)
            terms = self.loss_terms(images, posterior, self.sample(posterior, self.step_seed(stream=0)))
            loss = self.optimizer.scale_loss(distribute.global_mean(terms["loss"]))
        variables = self.vae_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return self.log(terms)

    def test_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        posterior = self.posterior(images)
        return self.log(self.loss_terms(images, posterior, self.sample(posterior, self.test_seed(stream=0))))

    def images_of(self, data: Any) -> tf.Tensor:
        """The images of what `fit` or `evaluate` was given, checked: float32 [B, H, W, C] in [0, 1]."""
        images, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(f"{type(self).__name__} does not support sample weights. Received: {sample_weight}")
        expected = f"Expected images, float {(None, *self.image_shape)} in [0, 1]."
        if not isinstance(images, tf.Tensor) or not images.dtype.is_floating:
            received = getattr(images, "dtype", type(images).__name__)
            raise ValueError(f"{expected} Received: {received} (divide pixels of 0 to 255 by 255)")
        if not images.shape[1:].is_compatible_with(self.image_shape):
            raise ValueError(f"{expected} Received: shape={tuple(images.shape)}")
        low, high = tf.reduce_min(images), tf.reduce_max(images)
        # Comparisons with NaN are false, so it fails too.
        in_range = tf.debugging.Assert(tf.logical_and(low >= 0, high <= 1), [expected, "Received: range", low, high])
        with tf.control_dependencies([in_range] if in_range is not None else []):
            # A cast to the dtype that images have is no operation, and would not wait for the check.
            return tf.identity(tf.cast(images, tf.float32))

    def sample(self, posterior: tfp.distributions.Distribution, seed: tf.Tensor) -> tf.Tensor:
        """z ~ posterior, by reparameterisation, with noise that is one draw over the global batch: [B, D]."""
        mean = posterior.mean()
        return mean + posterior.stddev() * distribute.standard_normal_like(mean, seed)

    def step_seed(self, stream: int) -> tf.Tensor:
        """The seed of this training step; `stream` tells apart the draws of one step."""
        return self._seed(stream, self.optimizer.iterations)

    def test_seed(self, stream: int) -> tf.Tensor:
        """The seed of this evaluation step, told apart by the number of images seen since metrics were reset."""
        # The count is this replica's own; all have as many images, but of a last batch.
        return self._seed(8 + stream, self.means[0].count * distribute.num_replicas())

    def _seed(self, stream: int, counter: Any) -> tf.Tensor:
        return tf.stack([tf.constant(self.seed * 16 + stream), tf.cast(counter, tf.int32)])

    def log(self, terms: Terms) -> dict[str, Any]:
        for mean in self.means:
            mean.update_state(terms[mean.name])
        return distribute.step_logs(self.means)

    def get_config(self) -> dict[str, Any]:
        networks = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.networks}
        return {**super().get_config(), **networks, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "VAE":
        networks = {name: keras.saving.deserialize_keras_object(config[name]) for name in cls.networks}
        return cls(**{**config, **networks})
