"""What all models share: networks and optimizers by name, images that are checked, seeds, and logs."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from tfvae import replicas
from tfvae.codes.cache import model_digest
from tfvae.codes.capabilities import Capabilities
from tfvae.data.shapes import is_image, noun
from tfvae.experiment import Experiment
from tfvae.files.preset import write_preset
from tfvae.models import passes, supervision
from tfvae.models.arguments import guarded
from tfvae.models.checks import check_all_trained, check_compile, check_network, check_optimizers, loading
from tfvae.models.compiled import checked_before_xla, compiled_by_step
from tfvae.models.fixed import check_settable
from tfvae.models.images import checked
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
    as means over images. Unless it has `images_only`, a model takes vectors [B, F] too, if its networks do: docstrings
    that say "images" mean both. If it is `paired`, `fit` and `evaluate` take pairs of images, [B, 2, H, W, C].

    A subclass has a network `encoder`, says what its output means in `representation`, defines `train_step` and
    `test_step`, and calls its networks by `run`.

    Networks are trained as Keras trains them: with `training=True` in `train_step` alone, and with the losses of their
    regularizers and of `add_loss`, which are added to the loss of the optimizer that trains the network. A layer that a
    step calls directly, as `self.decoder(z)`, is in the same mode; if it adds losses, it must be called by `run`. The
    logged losses are the objectives without them; where there are any, fit and evaluate report their sum as
    "regularization".

    Args:
        networks: built Keras networks by name; each becomes an attribute. A subclass may set the rest of its `networks`
            itself.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Examples:
        >>> model = tfvae.create("vae", (16, 16, 1), latent_dim=2)
        >>> isinstance(model, tfvae.models.Model), model.image_shape, model.latent_dim
        (True, (16, 16, 1), 2)
        >>> sorted(model.predict(np.zeros([3, 16, 16, 1]), verbose=0))
        ['log_variance', 'mean']
    """

    networks: tuple[str, ...] = ("encoder",)  # the constructor arguments that are networks
    optimizers: Mapping[str, Mapping[str, float]] = {"optimizer": {}}  # arguments of compile -> those of a default Adam
    trained_networks: Mapping[str, tuple[str, ...]] = {"optimizer": ("encoder",)}  # by each of the optimizers
    logged: tuple[str, ...] = ("loss",)  # what fit and evaluate report: means over images

    # What an experiment that leaves it out gets.
    architectures: Mapping[str, Any] = {}  # the tables of its networks, by the name that an experiment gives
    default_architecture: str  # one of them
    discriminator_sizes: Mapping[str, int] = {}  # of a discriminator whose sizes an experiment chooses
    default_batch_size = 64  # images per step

    traversal_range: float | None = None  # a latent's usual values go from minus to plus this; None: as codes of data
    batch_multiple = 1  # a training batch must be a multiple of it, on each replica

    images_only = False  # whether the data must be images [B, H, W, C]
    paired = False  # whether fit and evaluate take pairs of them, [B, 2, H, W, C]
    takes_labels = False  # whether `supervise` can add the loss of labelled images

    # What a model can do. None or 0: it cannot.
    decoding_network: str | None = None  # the one of `networks` that decodes codes
    decode: Callable[..., tf.Tensor] | None = None  # codes, and noise if any -> images [B, H, W, C] in [0, 1]
    log_likelihood: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None  # images and codes -> [B], nats
    prior_draws: Callable[[int, int], tuple[np.ndarray, ...]] | None = None  # count and seed -> arguments of `decode`
    posterior: Callable[[tf.Tensor], Any] | None = None  # images -> q(z | x)
    adversary: str | None = None  # the one of `networks` that judges codes, which `fit_discriminator` can fit to them
    has_log_variance = False  # whether `representation` has the log variances of a Gaussian posterior
    code_stddev: float | None = None  # the width of a Gaussian posterior that is the same for all images
    categories = 0  # of a categorical latent, whose one-hot code comes after the others
    noise_dim = 0  # inputs of `decode` that are noise

    def __init__(self, networks: Mapping[str, keras.Model], *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, network in networks.items():
            check_network(name, network)
            setattr(self, name, network)
        if self.images_only and not is_image(self.image_shape):
            raise ValueError(
                f"Expected networks of images [B, H, W, C], the only data that {type(self).__name__} takes. "
                f"Received: {noun(self.image_shape)} of shape {self.image_shape}"
            )
        self.seed = seed
        self.means = [keras.metrics.Mean(name=name) for name in self.logged]
        self.regularization = keras.metrics.Mean(name="regularization")
        self.is_regularized = False  # known when a step is traced: until then, the networks might add losses
        self.auto_scale_loss = True
        self.unfitted: tuple[str, ...] = ()  # networks with new weights in a model whose other networks are trained
        # The networks are built, so the model is. (`self.build()` would lock it against a subclass's networks.)
        self.built = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, training in (("train_step", True), ("test_step", False)):
            if name in vars(cls):
                setattr(cls, name, checked_before_xla(passes.as_pass(vars(cls)[name], training=training)))

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, ...]
    ) -> dict[str, Callable[..., keras.Model]]:
        """For each name in `networks` a function of `seed` that builds it.

        Args:
            experiment: what to build for, with everything filled in (`tfvae.models.build.completed`).
            image_shape: (H, W, C), or (F,) of vectors.
        """
        raise NotImplementedError

    @classmethod
    def build_networks(cls, experiment: Experiment, image_shape: tuple[int, ...]) -> dict[str, keras.Model]:
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
    def image_shape(self) -> tuple[int, ...]:
        """(H, W, C); (F,) of vectors."""
        return self.encoder.input_shape[1:]

    @property
    def bounded(self) -> bool:
        """Whether the data must be in [0, 1], not only finite."""
        return True

    @property
    def own_variables(self) -> list[keras.Variable]:
        """The variables that belong to none of the networks; checkpoints hold them too."""
        return []

    def trained_by(self) -> dict[str, list[keras.Variable]]:
        """The variables that each of the optimizers trains: its networks', and `own_variables` for "optimizer"."""
        trained = {
            optimizer: [variable for name in names for variable in getattr(self, name).trainable_variables]
            for optimizer, names in self.trained_networks.items()
        }
        trained["optimizer"] += self.own_variables
        # A layer that two networks share is trained once.
        return {optimizer: list({id(each): each for each in found}.values()) for optimizer, found in trained.items()}

    def representation(self, parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's output by name: "mean" [B, D], and whatever else it holds. A pure function."""
        raise NotImplementedError

    def capabilities(self) -> Capabilities:
        """What metrics, figures and exports can use; `represent` is traced once, until an attribute is set."""
        # Not by an attribute that Keras tracks, which would be a part of what `export` writes.
        found: Capabilities | None = self.__dict__.get("_capabilities")
        if found is not None:
            return found
        signature = tf.TensorSpec((None, *self.image_shape), tf.float32)
        found = self.__dict__["_capabilities"] = Capabilities(
            represent=tf.function(self.call, input_signature=[signature], autograph=False),
            image_shape=self.image_shape,
            decode=self.decode,
            log_likelihood=self.log_likelihood,
            prior_draws=self.prior_draws,
            noise_dim=self.noise_dim,
            traversal_range=self.traversal_range,
            digest=lambda: model_digest(self.encoder),
        )
        return found

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        images = checked(images, self.image_shape, bounded=self.bounded)
        return self.representation(self.run(self.encoder, images, training=training))

    def run(self, network: keras.Model, inputs: tf.Tensor, *, training: bool | None = None) -> tf.Tensor:
        """The output of a network, as float32 whatever its precision; the calls of networks in a step go through here.

        Args:
            network: one of the model's.
            inputs: float tensor [B, ...].
            training: whether dropout, batch norm and the like are in training; None for what the step is: True in
                `train_step`, False in `test_step` and outside of both.
        """
        current = passes.current()
        outputs = passes.call_alone(network, inputs, training=current.training if training is None else training)
        current.record(network)
        return tf.cast(outputs, tf.float32)

    fit = guarded(keras.Model.fit)
    evaluate = guarded(keras.Model.evaluate)
    predict = guarded(keras.Model.predict)

    predict_step = checked_before_xla(keras.Model.predict_step, paired=False)

    def __setattr__(self, name: str, value: Any) -> None:
        check_settable(self, name, value)
        # Each call sets `_called` of Keras, and `built` again.
        if not name.startswith("_") and self.__dict__.get(name) is not value:
            self.__dict__.pop("_capabilities", None)
        super().__setattr__(name, value)

    def make_train_function(self, force: bool = False) -> Callable[..., Any]:
        with compiled_by_step(self):
            super().make_train_function(force)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Callable[..., Any]:
        with compiled_by_step(self):
            super().make_test_function(force)
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Callable[..., Any]:
        with compiled_by_step(self):
            super().make_predict_function(force)
        return self.predict_function

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Nothing is left to build, and Keras would average the first batch over replicas: unequal shares fail there.
        pass

    def compile(self, **kwargs: Any) -> None:
        """As `keras.Model.compile`, with the optimizers that the class names, and without losses and metrics.

        With `use_ema=True`, the end of `fit` gives each optimizer's variables their averages.

        Raises:
            ValueError: for losses and metrics, for `jit_compile=True` or `steps_per_execution > 1` with more than one
                replica, and when no optimizer trains a layer that is not frozen.
        """
        check_compile(kwargs)
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
        trained_by = self.trained_by()
        check_all_trained(self, trained_by)
        check_optimizers(self, optimizers, trained_by)
        self.auto_scale_loss = kwargs.get("auto_scale_loss", True)
        super().compile(optimizer=optimizers.pop("optimizer"), **kwargs)
        scaled = keras.optimizers.LossScaleOptimizer
        for name, optimizer in optimizers.items():
            if isinstance(self.optimizer, scaled) and not isinstance(optimizer, scaled):
                # Keras wraps `optimizer` alone.
                optimizer = scaled(optimizer)
            setattr(self, name, optimizer)
        # Built here, each on its own variables: left alone, Keras builds one on *all* variables when it loads a file.
        for name, variables in trained_by.items():
            getattr(self, name).build(variables)

        def finalise(_: Any) -> None:
            for name, variables in trained_by.items():
                optimizer = getattr(self, name)
                type(optimizer).finalize_variable_values(optimizer, variables)

        # Keras calls it at the end of `fit`, for this optimizer alone and with all variables in another order.
        self.optimizer.finalize_variable_values = finalise

    def get_compile_config(self) -> dict[str, Any] | None:
        if not self.compiled:
            return None
        config = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.optimizers}
        names = ("steps_per_execution", "jit_compile", "run_eagerly", "auto_scale_loss")
        return config | {name: getattr(self, name) for name in names}

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
        gradients = tape.gradient(loss, variables)
        # The count of steps depends on no image, and must not advance when images are refused.
        with tf.control_dependencies([loss]):
            if not variables:  # all are frozen: Keras would fail, and noise and schedules follow the count of steps
                getattr(self, optimizer).iterations.assign_add(1)
                return
            getattr(self, optimizer).apply_gradients(zip(gradients, variables, strict=True))

    def scaled_mean(self, per_example: tf.Tensor, optimizer: str = "optimizer") -> tf.Tensor:
        """What an optimizer minimises: the mean of a loss over the global batch, and the losses of its networks.

        Args:
            per_example: float tensor [B].
            optimizer: a name in `optimizers`.

        Returns:
            float tensor [], scaled as an optimizer of half precision wants it.

        Raises:
            ValueError: when the loss is not one value an image.
        """
        if per_example.shape.rank != 1:
            raise ValueError(
                "Expected a loss with a value for each image, [B]: the mean is taken over the images of all replicas. "
                f"Received: shape={tuple(per_example.shape)}"
            )
        loss = replicas.global_mean(per_example)
        added = self.losses_of_networks(optimizer)
        if added is not None:
            passes.current().added[optimizer] = added
            loss += added / replicas.num_replicas()  # optimizers sum gradients over replicas
        if optimizer == "optimizer" and (of_labels := supervision.added(self)) is not None:
            loss += of_labels
        return getattr(self, optimizer).scale_loss(loss)

    def losses_of_networks(self, optimizer: str) -> tf.Tensor | None:
        """The losses of the weights that an optimizer trains, and those that its networks added in this pass: []."""
        names = self.trained_networks.get(optimizer, ())
        others = {id(getattr(self, name)) for each in self.trained_networks.values() for name in each}
        own = {id(getattr(self, name)) for name in names}
        # A network that a subclass adds is trained as its `own_variables` are.
        losses = passes.current().take(
            lambda network: id(network) in own or (optimizer == "optimizer" and id(network) not in others)
        )
        for variable in self.trained_by()[optimizer]:
            if variable.regularizer is not None:
                losses.append(variable.regularizer(variable))
        return tf.add_n([tf.reduce_sum(tf.cast(loss, tf.float32)) for loss in losses]) if losses else None

    def images_of(self, data: Any, *, paired: bool | None = None) -> tf.Tensor:
        """The images of what `fit` or `evaluate` was given, checked: float32 [B, H, W, C] in [0, 1], or vectors.

        Args:
            data: a batch of Keras, of images alone, or of images and labels, which are ignored.
            paired: whether they must be pairs [B, 2, H, W, C]; None for what the class says.
        """
        images, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(f"{type(self).__name__} does not support sample weights. Received: {sample_weight}")
        paired = self.paired if paired is None else paired
        return checked(images, self.image_shape, bounded=self.bounded, paired=paired)

    def supervise(
        self, images: Any, labels: Any, *, weight: float = 1.0, loss: str = "cross_entropy", batch_size: int = 64
    ) -> None:
        """Adds the loss of a few labelled images to each training step, which draws latents towards factors.

        The loss becomes that of the class + weight R(mean of q(z | x), labels) over a batch of the labelled images,
        drawn in each step (Locatello et al., 2020, "Disentangling Factors of Variation Using Few Labels"). Latent k
        learns factor k; those after the first K are free. `fit` and `evaluate` report R, without its weight, as
        "supervision". Files of the model do not hold the labelled images: call this again after loading. With a weight
        of 0 the model trains as without labels.

        Args:
            images: float [N, H, W, C] in [0, 1], kept on the device.
            labels: float [N, K] in [0, 1], K of 1 .. D factors: the n-th of a factor's m values is n / m, from 0.
            weight: at least 0.
            loss: R, see `tfvae.objectives.labels`: "cross_entropy", "squared_error" or "covariance".
            batch_size: labelled images of a step; all of them, if there are no more.

        Raises:
            ValueError: if the model is not an autoencoder, or an argument is not of these shapes and ranges.

        Examples:
            >>> model = tfvae.create("beta_vae", (16, 16, 1), latent_dim=2)
            >>> images = np.random.default_rng(0).random([8, 16, 16, 1], np.float32)
            >>> model.supervise(images[:4], [[0.0], [0.5], [0.0], [0.5]], weight=10.0)
            >>> sorted(model.fit(images, verbose=0).history)
            ['kl', 'loss', 'reconstruction', 'supervision']
        """
        supervision.attach(self, images, labels, weight=weight, loss=loss, batch_size=batch_size)

    def train_if_enough(self, images: tf.Tensor, step: Callable[[tf.Tensor], Terms]) -> dict[str, Any]:
        """Logs the terms of a step on these images, and returns the logs.

        The last batch of a data set may have fewer images than a step needs, `batch_multiple`, on every replica. Then
        nothing happens: variables, optimizers and logged means stay as they are. Replicas do not exchange images: two
        images on two replicas, which one device would take as a pair, make no step.
        """

        def logged(own: tf.Tensor) -> None:
            # A pass of its own, as a branch of several replicas runs in other threads than the step.
            with passes.forward_pass(training=True):
                self.log(step(own))

        replicas.if_enough(images, self.batch_multiple, logged)
        return self.step_logs()

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
        supervision.logged(self)
        done = passes.current().added
        added = [done[name] if name in done else self.losses_of_networks(name) for name in self.optimizers]
        losses = [loss for loss in added if loss is not None]
        self.is_regularized = self.is_regularized or bool(losses)
        if self.is_regularized:
            rows = tf.shape(terms[self.logged[0]])
            self.regularization.update_state(tf.fill(rows, tf.add_n(losses) if losses else 0.0))
        return self.step_logs()

    def step_logs(self) -> dict[str, Any]:
        """The means so far as the logs of a step."""
        return replicas.step_logs(self._own_metrics)

    @property
    def _own_metrics(self) -> list[keras.metrics.Metric]:
        regularization = [self.regularization] if self.is_regularized else []
        return [*self.means, *regularization, *supervision.metrics_of(self)]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        # Keras compares their names with the logs of a step. Its own mean of a loss, for a loss given to `compile`, has
        # the name of ours.
        names = {"loss", self.regularization.name, *self.logged}
        return [*self._own_metrics, *(each for each in super().metrics if each.name not in names)]

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """As `keras.Model.export`, of the representation; `tfvae.export_encoder` also exports names and checks."""
        signature = [keras.InputSpec(shape=(None, *self.image_shape), dtype="float32")]
        super().export(filepath, format=format, **{"input_signature": signature, **kwargs})

    @property
    def _default_save_signature(self) -> Callable[..., dict[str, tf.Tensor]]:
        # What `tf.saved_model.save` makes the signature "serving_default" of.
        images = tf.TensorSpec((None, *self.image_shape), tf.float32, name="images")
        return tf.function(self.__call__, input_signature=[images], autograph=False)

    def save(self, filepath: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.save`, to a .keras file.

        Raises:
            ValueError: for .h5 and .hdf5, from which Keras cannot load a model of this library.
        """
        if os.fspath(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(f"Expected a file name that ends in .keras. Received: {os.fspath(filepath)!r}")
        super().save(filepath, *args, **kwargs)

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.summary`, after a line that says which network is which."""
        roles = ", ".join(f"{name} is {getattr(self, name).name!r}" for name in self.networks)
        (kwargs.get("print_fn") or print)(f"{type(self).__name__}: {roles}")
        super().summary(*args, **kwargs)

    def save_to_preset(self, folder: str | os.PathLike) -> None:
        """Writes config.json, model.weights.h5, metadata.json and manifest.json, for `tfvae.from_preset`.

        The weights include the state of the optimizers, so that training continues where it stopped. The folder appears
        completely or not at all. `keras.saving.save_model(model, "hf://USER/NAME")` uploads the same layout.

        Args:
            folder: a new folder.

        Raises:
            FileExistsError: if it exists.
        """
        write_preset(self, folder)

    def get_config(self) -> dict[str, Any]:
        networks = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.networks}
        return {**super().get_config(), **networks, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        networks = {name: keras.saving.deserialize_keras_object(config[name]) for name in cls.networks}
        with loading():
            return cls(**{**config, **networks})
