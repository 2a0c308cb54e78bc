"""What all models share: networks and optimizers by name, images that are checked, seeds, and logs."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from tfvae import replicas
from tfvae.codes.cache import model_digest
from tfvae.codes.capabilities import Capabilities
from tfvae.experiment import Experiment
from tfvae.networks.optimizers import Adam

Terms = dict[str, tf.Tensor]

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Expected the TensorFlow backend of Keras. Received: KERAS_BACKEND={keras.backend.backend()}. Set "
        "KERAS_BACKEND=tensorflow in the environment before Keras is imported, or remove another backend from "
        "~/.keras/keras.json"
    )


class Model(keras.Model):
    """A Keras model that is trained on images alone and gives a representation of them.

    `fit` and `evaluate` take images, float [B, H, W, C] in [0, 1], and ignore labels. They report what `logged` names,
    as means over images. A subclass has a network `encoder`, says what its output means in `representation`, and
    defines `train_step`, `test_step` and `trained_by`.

    Args:
        networks: built Keras networks by name; each becomes an attribute. A subclass may set the rest of its `networks`
            itself.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.
    """

    networks: tuple[str, ...] = ("encoder",)  # the constructor arguments that are networks
    optimizers: Mapping[str, Mapping[str, float]] = {"optimizer": {}}  # arguments of compile -> those of a default Adam
    logged: tuple[str, ...] = ("loss",)  # what fit and evaluate report: means over images

    # What an experiment that leaves it out gets.
    architectures: Mapping[str, Any] = {}  # the tables of its networks, by the name that an experiment gives
    default_architecture: str  # one of them
    discriminator_sizes: Mapping[str, int] = {}  # of a discriminator whose sizes an experiment chooses
    default_batch_size = 64  # images per step

    traversal_range = 2.0  # a latent's usual values go from minus to plus this: where N(0, 1) has 95% of its mass
    batch_multiple = 1  # a training batch must be a multiple of it, on each replica

    # What a model can do. None or 0: it cannot.
    decoding_network: str | None = None  # the one of `networks` that decodes codes
    decode: Callable[..., tf.Tensor] | None = None  # codes, and noise if any -> images [B, H, W, C] in [0, 1]
    log_likelihood: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None  # images and codes -> [B], nats
    prior_draws: Callable[[int, int], tuple[np.ndarray, ...]] | None = None  # count and seed -> arguments of `decode`
    posterior: Callable[[tf.Tensor], Any] | None = None  # images -> q(z | x)
    has_log_variance = False  # whether `representation` has the log variances of a Gaussian posterior
    code_stddev: float | None = None  # the width of a Gaussian posterior that is the same for all images
    categories = 0  # of a categorical latent, whose one-hot code comes after the others
    noise_dim = 0  # inputs of `decode` that are noise

    def __init__(self, networks: Mapping[str, keras.Model], *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, network in networks.items():
            setattr(self, name, network)
        self.seed = seed
        self.means = [keras.metrics.Mean(name=name) for name in self.logged]
        # The networks are built, so the model is. (`self.build()` would lock it against a subclass's networks.)
        self.built = True

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, int, int]
    ) -> dict[str, Callable[..., keras.Model]]:
        """For each name in `networks` a function of `seed` that builds it.

        Args:
            experiment: what to build for, with everything filled in (`tfvae.models.build.completed`).
            image_shape: (H, W, C).
        """
        raise NotImplementedError

    @classmethod
    def build_networks(cls, experiment: Experiment, image_shape: tuple[int, int, int]) -> dict[str, keras.Model]:
        """The networks of an experiment with new weights, by name. Arguments as those of `network_makers`.

        The seed of each follows from the experiment's seed and the network's place in `networks`.
        """
        makers = cls.network_makers(experiment, image_shape)
        return {name: makers[name](seed=3 * experiment.seed + place) for place, name in enumerate(cls.networks)}

    @classmethod
    def batch_size_of(cls, parameters: Mapping[str, Any]) -> int:
        """Images per step by default, for a model with these parameters."""
        return cls.default_batch_size

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.encoder.input_shape[1:]

    @property
    def own_variables(self) -> list[keras.Variable]:
        """The variables that belong to none of the networks; checkpoints hold them too."""
        return []

    def trained_by(self) -> dict[str, list[keras.Variable]]:
        """The variables that each of the optimizers trains."""
        raise NotImplementedError

    def representation(self, parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's output by name: "mean" [B, D], and whatever else it holds. A pure function."""
        raise NotImplementedError

    def capabilities(self) -> Capabilities:
        """What metrics, figures and exports can use; `represent` is traced once."""
        signature = tf.TensorSpec((None, *self.image_shape), tf.float32)
        return Capabilities(
            represent=tf.function(self.call, input_signature=[signature]),
            image_shape=self.image_shape,
            decode=self.decode,
            log_likelihood=self.log_likelihood,
            prior_draws=self.prior_draws,
            noise_dim=self.noise_dim,
            traversal_range=self.traversal_range,
            digest=lambda: model_digest(self.encoder),
        )

    def call(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.representation(self.encoder(images))

    def compile(self, **kwargs: Any) -> None:
        """As `keras.Model.compile`, with the optimizers that the class names, and without losses and metrics.

        Raises:
            ValueError: for `jit_compile=True` or `steps_per_execution > 1` with more than one replica.
        """
        jit, steps = kwargs.get("jit_compile"), kwargs.get("steps_per_execution", 1)
        if replicas.num_replicas() > 1 and (jit is True or steps > 1):
            # keras-team/keras#19246: it would fail in the middle of the first step.
            raise ValueError(
                "Keras cannot use jit_compile=True or steps_per_execution > 1 with more than one replica. "
                f"Received: jit_compile={jit}, steps_per_execution={steps}, replicas={replicas.num_replicas()}"
            )
        optimizers = {}
        for name, default in self.optimizers.items():
            optimizer = kwargs.pop(name, None)
            optimizers[name] = keras.optimizers.get(Adam(**default) if optimizer is None else optimizer)
        super().compile(optimizer=optimizers.pop("optimizer"), **kwargs)
        scaled = keras.optimizers.LossScaleOptimizer
        for name, optimizer in optimizers.items():
            if isinstance(self.optimizer, scaled) and not isinstance(optimizer, scaled):
                # Keras wraps `optimizer` alone.
                optimizer = scaled(optimizer)
            setattr(self, name, optimizer)
        # Built here, each on its own variables: left alone, Keras builds one on *all* variables when it loads a file.
        for name, variables in self.trained_by().items():
            getattr(self, name).build(variables)

    def get_compile_config(self) -> dict[str, Any] | None:
        if not self.compiled:
            return None
        config = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.optimizers}
        return config | {"steps_per_execution": self.steps_per_execution, "jit_compile": self.jit_compile}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    def minimise(self, tape: tf.GradientTape, loss: tf.Tensor, optimizer: str = "optimizer") -> None:
        """One step of an optimizer down the gradient of a loss [B], averaged over the global batch *on the tape*.

        Args:
            tape: the tape that recorded `loss`, a scalar that `scaled_mean` has made.
            loss: float tensor [].
            optimizer: a name in `optimizers`.
        """
        variables = self.trained_by()[optimizer]
        getattr(self, optimizer).apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    def scaled_mean(self, per_example: tf.Tensor, optimizer: str = "optimizer") -> tf.Tensor:
        """The mean of a loss [B] over the global batch, scaled as the optimizer of half precision wants it: []."""
        return getattr(self, optimizer).scale_loss(replicas.global_mean(per_example))

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

    def step_seed(self, stream: int) -> tf.Tensor:
        """The seed of this training step; `stream`, 0 to 7, tells apart the draws of one step."""
        return self._seed(stream, self.optimizer.iterations)

    def test_seed(self, stream: int) -> tf.Tensor:
        """The seed of this evaluation step, told apart by the number of images seen since metrics were reset."""
        # The count is this replica's own; all have as many images, but of a last batch.
        return self._seed(8 + stream, self.means[0].count * replicas.num_replicas())

    def _seed(self, stream: int, counter: Any) -> tf.Tensor:
        return tf.stack([tf.constant(self.seed * 16 + stream), tf.cast(counter, tf.int32)])

    def progress(self, steps: int) -> tf.Tensor:
        """The share of `steps` that the optimizer has done, at most 1: float32 [].

        It follows the optimizer's count of steps, so that a resumed run continues with it, and an evaluation uses that
        of the last step.
        """
        return tf.minimum(tf.cast(self.optimizer.iterations, tf.float32) / steps, 1.0)

    def log(self, terms: Terms) -> dict[str, Any]:
        """Adds the terms [B] that `logged` names to their means, and returns the means as the logs of a step."""
        for mean in self.means:
            mean.update_state(terms[mean.name])
        return replicas.step_logs(self.means)

    def get_config(self) -> dict[str, Any]:
        networks = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.networks}
        return {**super().get_config(), **networks, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        networks = {name: keras.saving.deserialize_keras_object(config[name]) for name in cls.networks}
        return cls(**{**config, **networks})
