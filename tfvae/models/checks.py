"""Checks of networks that are handed in, and of what `compile` is given."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import tensorflow as tf
from keras import layers

# The ends of networks that are codes, or logits of them: one row for each image.
_ROWS = {"encoder": ("output",), "decoder": ("input",), "generator": ("input",), "discriminator": ("output",)}
_IS_LOADING = ContextVar("is_loading", default=False)


@contextmanager
def loading() -> Iterator[None]:
    """Within, what `refused` would raise is a warning, as a file may be from before the check."""
    token = _IS_LOADING.set(True)
    try:
        yield
    finally:
        _IS_LOADING.reset(token)


def refused(message: str) -> None:
    """Raises ValueError; while a file is loaded, warns."""
    if not _IS_LOADING.get():
        raise ValueError(message)
    warnings.warn(message, stacklevel=3)


def check_network(name: str, network: keras.Model) -> None:
    """Checks that a network has one input and one output of known shapes, for batches of any size.

    Raises:
        ValueError: if it is not built, has several, takes whole numbers, or its codes are not rows [B, D].
    """
    try:
        shapes = {"input": network.input_shape, "output": network.output_shape}
    except (AttributeError, ValueError):
        raise ValueError(
            f"Expected {name} to be a built Sequential or functional model, whose shapes are known. "
            f"Received: {type(network).__name__}. Start a Sequential with keras.Input(shape); make other models "
            "functional: inputs = keras.Input(shape); keras.Model(inputs, network(inputs))"
        ) from None
    output = (network._functional if isinstance(network, keras.Sequential) else network).output
    if isinstance(output, Mapping):  # Keras gives the shape of a single one as if it were no dict
        raise ValueError(f"Expected {name} to return a tensor. Received: a dict of {sorted(output)}")
    for end, shape in shapes.items():
        if not (isinstance(shape, tuple) and all(size is None or isinstance(size, int) for size in shape)):
            raise ValueError(
                f"Expected {name} to have one {end}. Received: {len(shape)}, {shape}. Join several in one, as means "
                "and log variances: keras.layers.Concatenate()([mean, log_variance])"
            )
        if shape[:1] != (None,):
            refused(
                f"Expected {name} to take batches of any size. Received: {end} {shape}. Leave batch_size out of "
                "keras.Input"
            )
    for end in _ROWS.get(name, ()):
        if len(shapes[end]) != 2:
            raise ValueError(
                f"Expected {name} to have an {end} of one row an image, [B, D]. Received: {shapes[end]}. "
                + ("End with keras.layers.Flatten()" if end == "output" else "Begin with keras.layers.Reshape(shape)")
            )
    dtype = _input_dtype(network)
    if not tf.as_dtype(dtype).is_floating:
        refused(
            f"Expected {name} to take floats, which images in [0, 1] and codes are. Received: an input of {dtype}, to "
            "which they would be cut off. Leave dtype out of keras.Input, and rescaling by 1 / 255 out of the network"
        )


def check_all_trained(model: keras.Model, trained_by: Mapping[str, Iterable[keras.Variable]]) -> None:
    """Checks that an optimizer trains each variable of a model that can be trained.

    Raises:
        ValueError: if none trains a layer, or a variable, that a subclass has added.
    """
    trained = {id(variable) for variables in trained_by.values() for variable in variables}
    forgotten = [variable for variable in model.trainable_variables if id(variable) not in trained]
    if forgotten:
        raise ValueError(
            "Expected each layer to be trained by an optimizer: add its variables to own_variables or trained_by, or "
            f"set its trainable=False. Received: {[variable.path for variable in forgotten]}, which none trains"
        )


def check_optimizers(
    model: Any, optimizers: Mapping[str, keras.optimizers.Optimizer], trained_by: Mapping[str, list[keras.Variable]]
) -> None:
    """Checks that each optimizer is new or that of its variables, and that networks of different ones share no layer.

    Raises:
        ValueError: otherwise.
    """
    if len({id(optimizer) for optimizer in optimizers.values()}) < len(optimizers):
        raise ValueError(f"Expected an optimizer for each of {list(optimizers)}. Received: the same one for several")
    for name, variables in trained_by.items():
        scaled = isinstance(optimizers[name], keras.optimizers.LossScaleOptimizer)
        optimizer = optimizers[name].inner_optimizer if scaled else optimizers[name]
        if optimizer.built and not {id(each) for each in variables} <= {
            id(each) for each in optimizer._trainable_variables
        }:
            raise ValueError(f"Expected a new optimizer. Received: {name}, which has trained other variables")
    seen: dict[int, tuple[str, str]] = {}
    for optimizer, networks in model.trained_networks.items():
        for network in networks:
            for variable in getattr(model, network).trainable_variables:
                first = seen.setdefault(id(variable), (network, optimizer))
                if first[0] != network and first[1] != optimizer:
                    raise ValueError(
                        "Expected networks without a common layer, as they have opposite aims. Received: "
                        f"{variable.path} in {first[0]} and {network}, which {first[1]} and {optimizer} would both "
                        "train. Use copies, or set trainable=False"
                    )


def check_compile(arguments: Mapping[str, Any]) -> None:
    """Checks that `compile` is not given what models ignore.

    Raises:
        ValueError: for losses or metrics.
    """
    ignored = ("loss", "loss_weights", "metrics", "weighted_metrics")
    received = {name: arguments[name] for name in ignored if arguments.get(name) not in (None, [], {})}
    if received:
        raise ValueError(
            "Expected compile without losses and metrics: the model has its own (`logged` names what fit reports; "
            f"another term of the loss belongs in a subclass's loss_terms). Received: {received}"
        )


def has_batch_norm(network: keras.Model, *, synchronized: bool = False) -> bool:
    """Whether a network has batch norm, at any depth; with `synchronized`, one whose batch is that of all replicas."""
    found = [layer for layer in network._flatten_layers() if isinstance(layer, layers.BatchNormalization)]
    return any(layer.synchronized or not synchronized for layer in found)


def _input_dtype(network: keras.Model) -> str:
    first = next((layer for layer in network.layers if not isinstance(layer, layers.InputLayer)), None)
    if isinstance(network, keras.Sequential) and isinstance(first, keras.Model):
        return _input_dtype(first)
    return network.inputs[0].dtype
