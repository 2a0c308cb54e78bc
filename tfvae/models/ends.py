"""Checks of what a network that is handed in ends with: logits, or pixels in [0, 1]."""

import warnings

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfvae.models.checks import refused
from tfvae.models.images import TOLERANCE

# Layers that move or select values without changing them.
_ARRANGING = (layers.Reshape, layers.Flatten, layers.Permute, layers.Cropping2D, layers.Identity, layers.InputLayer)
# Functions that end no network of logits, and those that let it have no logit on one side of a number.
_REFUSED = ("sigmoid", "softmax")
_BOUNDING = ("tanh", "hard_tanh", "softsign", "relu", "relu6", "softplus", "exponential", "sparsemax")


def check_logits(name: str, network: keras.Model) -> None:
    """Checks that a network does not end in a sigmoid or a softmax: the objective applies it to the logits itself.

    Where the last layer does not show it, as with `keras.ops.sigmoid`, a `Lambda` or a layer of one's own, the outputs
    for inputs far from 0 do: they vary, and are all in [0, 1].

    Raises:
        ValueError: if the last layer is one.

    Warns:
        UserWarning: if the outputs look like those of one, or the last layer allows no logit below or above a bound, as
            ReLU and tanh. Such logits are legitimate, if unlikely.
    """
    function = _activation(_last_layer(network))
    expected = (
        f"Expected {name} to output logits, numbers without bounds: the objective applies a sigmoid or softmax where "
        "it needs one."
    )
    if function in _REFUSED:
        refused(f"{expected} Received: a last layer with activation={function!r}. Remove the activation")
        return
    if function in _BOUNDING:
        received = f"a last layer with activation={function!r}, which bounds them"
    elif _looks_squashed(network):
        received = "a network whose outputs are all in [0, 1], also for inputs far from 0, as if it ended in a sigmoid"
    else:
        return
    warnings.warn(
        f"{expected} Received: {received}. Remove that; if it is meant, ignore this: "
        f"warnings.filterwarnings('ignore', 'Expected {name} to output logits')",
        stacklevel=2,
    )


def check_pixels(name: str, network: keras.Model) -> None:
    """Checks that a network makes images in [0, 1].

    Raises:
        ValueError: if an output for random codes is outside.
    """
    low, high = _range(network)
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        refused(
            f"Expected {name} to output images in [0, 1], as a sigmoid does. Received: values from {low:.3g} to "
            f"{high:.3g}. End with activation='sigmoid'; of a tanh, t, the images are (t + 1) / 2"
        )


def _looks_squashed(network: keras.Model) -> bool:
    """Whether the outputs for inputs of several sizes differ from one to the other, and are all in [0, 1]."""
    if not tf.executing_eagerly():
        return False
    outputs = _outputs(network)
    # A network whose units are all dead, or whose last weights are 0, gives all codes the same.
    return bool(outputs.min() >= 0 and outputs.max() <= 1 and np.ptp(outputs, axis=0).max() > 1e-3)


def _range(network: keras.Model) -> tuple[float, float]:
    outputs = _outputs(network) if tf.executing_eagerly() else np.zeros(1)
    return float(outputs.min()), float(outputs.max())


def _outputs(network: keras.Model) -> np.ndarray:
    """What a network makes of random inputs of sizes 1, 10 and 100."""
    directions = np.random.default_rng(0).standard_normal((8, *network.input_shape[1:]))
    codes = np.concatenate([size * directions for size in (1, 10, 100)]).astype(np.float32)
    return np.asarray(network(codes, training=False), np.float32)


def _activation(layer: keras.Layer | None) -> str | None:
    """The name of the function that a layer ends with: its argument `activation`, or the layer itself."""
    match layer:
        case layers.Softmax():
            return "softmax"
        case layers.ReLU():
            return "relu"
    return getattr(vars(layer).get("activation"), "__name__", None) if layer is not None else None


def _last_layer(network: keras.Model) -> keras.Layer | None:
    """The last layer that changes values; None if no layer does."""
    for layer in reversed(network.layers):
        if isinstance(layer, keras.Model):
            return _last_layer(layer)
        if not isinstance(layer, _ARRANGING):
            return layer
    return None
