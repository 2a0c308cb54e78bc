"""Forward passes: the mode in which networks are called, and the losses that they add."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.layers.layer import CallContext

from tfvae import replicas
from tfvae.models.checks import has_batch_norm

Step = Callable[[Any, Any], dict[str, Any]]


class Pass:
    """What all calls of networks in one step share.

    Args:
        training: whether networks are called with `training=True`.
    """

    def __init__(self, training: bool) -> None:
        self.training = training
        self.added: dict[str, tf.Tensor] = {}  # to the loss of each optimizer, []
        self.supervision: tf.Tensor | None = None  # the loss of labelled images, []
        self._calls: list[tuple[keras.Model, list[tf.Tensor]]] = []

    def record(self, network: keras.Model) -> None:
        """Keeps the losses that the latest call of a network has added; those of its weights come from the weights."""
        of_weights = sum(variable.regularizer is not None for variable in network.trainable_variables)
        losses = network.losses  # Keras lists those of the weights last
        losses = losses[: len(losses) - of_weights]
        if losses and replicas.num_replicas() > 1 and has_batch_norm(network, synchronized=True):
            # It lets another replica's thread run in the middle of the call, which clears the losses.
            raise ValueError(
                f"Expected {network.name!r} to have synchronized batch norm, or layers that add losses: on several "
                "replicas Keras mixes the losses of one with those of another. Received: both"
            )
        self._calls.append((network, losses))
        network._clear_losses()  # they are kept here

    def take(self, wanted: Callable[[keras.Model], bool]) -> list[tf.Tensor]:
        """The recorded losses of the networks that are `wanted`, which are then forgotten."""
        taken = [loss for network, losses in self._calls if wanted(network) for loss in losses]
        self._calls = [call for call in self._calls if not wanted(call[0])]
        return taken


# Replicas run in threads that take turns in the middle of a step: each has its own pass.
_LOCAL = threading.local()
_CONTEXT = "current_call_ctx"  # of Keras, for each thread


def current() -> Pass:
    """The pass that this thread is in; outside of a step, one of inference."""
    return vars(_LOCAL).get("current") or Pass(training=False)


def is_running() -> bool:
    """Whether this thread is in a pass."""
    return vars(_LOCAL).get("current") is not None


@contextmanager
def forward_pass(*, training: bool) -> Iterator[Pass]:
    """A new pass; losses recorded in it are not those of a pass around it.

    Layers that are called directly, not by `Model.run`, are in its mode too.
    """
    outer = vars(_LOCAL).get("current")
    _LOCAL.current = Pass(training)
    try:
        with _call_context(_ModeOfPass(training)):
            yield _LOCAL.current
    finally:
        _LOCAL.current = outer


def call_alone(network: keras.Model, inputs: Any, *, training: bool) -> Any:
    """The output of a network whose losses are then those of this call alone."""
    if is_running() and replicas.num_replicas() == 1:
        _check_all_recorded(network)  # before Keras clears them
    with _call_context(None):
        return network(inputs, training=training)


class _ModeOfPass(CallContext):
    """What Keras asks for the mode of a layer that is called without one."""

    def __init__(self, training: bool) -> None:
        super().__init__(entry_layer=None)
        self._training = training

    @property
    def training(self) -> bool:
        return self._training

    @training.setter
    def training(self, value: bool | None) -> None:
        pass  # that of one call: the next has the mode of the pass again


@contextmanager
def _call_context(context: CallContext | None) -> Iterator[None]:
    outer = global_state.get_global_attribute(_CONTEXT)
    global_state.set_global_attribute(_CONTEXT, context)
    try:
        yield
    finally:
        global_state.set_global_attribute(_CONTEXT, outer)


def as_pass(step: Step, *, training: bool) -> Step:
    """A step of a model that is one forward pass."""

    @wraps(step)
    def wrapped(self: Any, data: Any) -> dict[str, Any]:
        is_whole = not is_running() and replicas.num_replicas() == 1
        if is_whole:
            self._clear_losses()
        with forward_pass(training=training):
            logs = step(self, data)
        if is_whole:
            _check_all_recorded(self)
        return logs

    return wrapped


def _check_all_recorded(model: keras.Model) -> None:
    """Raises ValueError when a layer of a model or a network was called directly and has added a loss.

    The step would not know it. Several replicas, which share the layers' lists of losses, are not checked.
    """
    of_weights = sum(variable.regularizer is not None for variable in model.trainable_variables)
    if len(model.losses) > of_weights:
        raise ValueError(
            "Expected layers that add losses to be called by self.run(layer, inputs), which adds them to the loss. "
            f"Received: a direct call of a layer in {model.name!r}"
        )


@contextmanager
def statistics_kept(network: keras.Model) -> Iterator[None]:
    """Calls of the network within leave its statistics, as those of batch norm, as they are.

    Its random states still advance.
    """
    variables = [each for each in network.non_trainable_variables if tf.as_dtype(each.dtype).is_floating]
    values = [tf.identity(variable.value) for variable in variables]
    yield
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
