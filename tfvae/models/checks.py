"""Checks of networks that are handed in, and of what `compile` is given."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

# Layers that move or select values without changing them.
_ARRANGING = (layers.Reshape, layers.Flatten, layers.Permute, layers.Cropping2D, layers.Identity, layers.InputLayer)


def check_network(name: str, network: keras.Model) -> None:
    """Checks that a network has one input and one output of known shapes.

    Raises:
        ValueError: if it is not built, or has several.
    """
    try:
        shapes = {"input": network.input_shape, "output": network.output_shape}
    except (AttributeError, ValueError):
        raise ValueError(
            f"Expected {name} to be a built Sequential or functional model, whose shapes are known. "
            f"Received: {type(network).__name__}. Start a Sequential with keras.Input(shape); make other models "
            "functional: inputs = keras.Input(shape); keras.Model(inputs, network(inputs))"
        ) from None
    for end, shape in shapes.items():
        if not (isinstance(shape, tuple) and all(size is None or isinstance(size, int) for size in shape)):
            raise ValueError(
                f"Expected {name} to have one {end}. Received: {len(shape)}, {shape}. Join several in one, as means "
                "and log variances: keras.layers.Concatenate()([mean, log_variance])"
            )


def check_logits(name: str, network: keras.Model) -> None:
    """Checks that a network does not end in a sigmoid.

    Where its last layer does not show it, as with `keras.ops.sigmoid`, a `Lambda` or a layer of one's own, the outputs
    of codes far from 0 do: they vary, and are all in [0, 1].

    Raises:
        ValueError: if the last layer is one.

    Warns:
        UserWarning: if the outputs look like those of one, which are legitimate, if unlikely, logits.
    """
    last = _last_layer(network)
    if last is not None and vars(last).get("activation") is keras.activations.sigmoid:
        raise ValueError(
            f"Expected {name} to output logits: the likelihood applies the sigmoid itself. Received: a last layer "
            f"{last.name!r} with activation='sigmoid'. Remove the activation"
        )
    if _looks_squashed(network):
        warnings.warn(
            f"Expected {name} to output logits: the likelihood applies the sigmoid itself. Received: a network whose "
            "outputs are all in [0, 1], also for codes far from 0, as if it ended in a sigmoid. If it does, remove "
            "that; if not, ignore this: warnings.filterwarnings('ignore', 'Expected decoder to output logits')",
            stacklevel=2,
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


def check_compile(arguments: Mapping[str, Any]) -> None:
    """Checks that `compile` is not given what models ignore.

    Raises:
        ValueError: for losses or metrics.
    """
    ignored = ("loss", "loss_weights", "metrics", "weighted_metrics")
    received = {name: arguments[name] for name in ignored if arguments.get(name) is not None}
    if received:
        raise ValueError(
            "Expected compile without losses and metrics: the model has its own (`logged` names what fit reports; "
            f"another term of the loss belongs in a subclass's loss_terms). Received: {received}"
        )


def has_batch_norm(network: keras.Model, *, synchronized: bool = False) -> bool:
    """Whether a network has batch norm, at any depth; with `synchronized`, one whose batch is that of all replicas."""
    found = [layer for layer in network._flatten_layers() if isinstance(layer, layers.BatchNormalization)]
    return any(layer.synchronized or not synchronized for layer in found)


def _looks_squashed(network: keras.Model) -> bool:
    """Whether the outputs for codes of several sizes differ from code to code, and are all in [0, 1]."""
    if not tf.executing_eagerly():
        return False
    directions = np.random.default_rng(0).standard_normal((8, *network.input_shape[1:]))
    codes = np.concatenate([size * directions for size in (1, 10, 100)]).astype(np.float32)
    outputs = np.asarray(network(codes, training=False), np.float32)
    # A network whose units are all dead, or whose last weights are 0, gives all codes the same.
    return bool(outputs.min() >= 0 and outputs.max() <= 1 and np.ptp(outputs, axis=0).max() > 1e-3)


def _last_layer(network: keras.Model) -> keras.Layer | None:
    """The last layer that changes values; None if no layer does."""
    for layer in reversed(network.layers):
        if isinstance(layer, keras.Model):
            return _last_layer(layer)
        if not isinstance(layer, _ARRANGING):
            return layer
    return None
