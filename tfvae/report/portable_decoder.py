"""A decoder's layers and weights as JSON, for the page's JavaScript (assets/decoder.js)."""

import base64
from typing import Any

import keras
import numpy as np
from keras import layers

_ACTIVATIONS = ("linear", "relu", "leaky_relu", "sigmoid", "tanh")


def portable(decoder: keras.Model) -> dict[str, Any]:
    """What a page needs to run the decoder itself.

    Supported layers: Dense, Conv2DTranspose ("same", no dilation), BatchNormalization, Reshape, Flatten, Dropout,
    and the activations linear, ReLU, leaky ReLU, sigmoid and tanh.

    Args:
        decoder: a sequence of layers, codes [B, D] -> logits [B, H, W, C].

    Returns:
        "latent_dim", "shape" (H, W, C), "layers", in order, and "weights": all as float32, little-endian, in base64.

    Raises:
        ValueError: if the decoder has another layer, or is not a sequence.
    """
    if not isinstance(decoder, keras.Sequential):
        raise ValueError(f"Expected a decoder that is a keras.Sequential. Received: a {type(decoder).__name__}")
    described: list[dict[str, Any]] = []
    weights: list[np.ndarray] = []
    for layer in decoder.layers:
        description = _described(layer, weights)
        if description is not None:
            described.append(description)
    data = np.concatenate([array.astype("<f4").ravel() for array in weights])
    return {
        "latent_dim": int(decoder.input_shape[-1]),
        "shape": [int(size) for size in decoder.output_shape[1:]],
        "layers": described,
        "weights": base64.b64encode(data.tobytes()).decode(),
    }


def _described(layer: layers.Layer, weights: list[np.ndarray]) -> dict[str, Any] | None:
    """The layer for the page, or None if it changes no number; appends its arrays to `weights` in order."""
    arrays = [keras.ops.convert_to_numpy(weight).astype(np.float32) for weight in layer.weights]
    match layer:
        case layers.Reshape() | layers.Flatten() | layers.Dropout() | layers.InputLayer():
            return None
        case layers.Dense():
            kernel, bias = arrays[0], arrays[1] if layer.use_bias else np.zeros(arrays[0].shape[1])
            weights += [kernel, bias]
            return {"kind": "dense", "inputs": kernel.shape[0], "outputs": kernel.shape[1], **_activation(layer)}
        case layers.Conv2DTranspose() if layer.padding == "same" and layer.dilation_rate == (1, 1):
            kernel = arrays[0]  # [kh, kw, out, in]
            weights += [kernel.transpose(3, 0, 1, 2), arrays[1] if layer.use_bias else np.zeros(kernel.shape[2])]
            return {
                "kind": "conv_transpose",
                "size": [int(size) for size in layer.input.shape[1:3]],
                "kernel": list(kernel.shape[:2]),
                "stride": list(layer.strides),
                "inputs": kernel.shape[3],
                "outputs": kernel.shape[2],
                **_activation(layer),
            }
        case layers.BatchNormalization() if layer.axis in (-1, len(layer.input.shape) - 1):
            ones = np.ones(layer.input.shape[-1])
            scale = keras.ops.convert_to_numpy(layer.gamma) if layer.scale else ones
            shift = keras.ops.convert_to_numpy(layer.beta) if layer.center else 0 * ones
            scale = scale / np.sqrt(keras.ops.convert_to_numpy(layer.moving_variance) + layer.epsilon)
            weights += [scale, shift - scale * keras.ops.convert_to_numpy(layer.moving_mean)]
            return {"kind": "affine", "outputs": len(ones), "activation": "linear"}
        case layers.LeakyReLU():
            return {"kind": "activation", "activation": "leaky_relu", "slope": float(layer.negative_slope)}
        case layers.ReLU() if not layer.threshold and layer.max_value is None and not layer.negative_slope:
            return {"kind": "activation", "activation": "relu"}
        case layers.Activation():
            return {"kind": "activation", **_activation(layer)}
    raise ValueError(f"Expected layers that the page supports. Received: {layer.name}, a {type(layer).__name__}")


def _activation(layer: layers.Layer) -> dict[str, Any]:
    name = keras.activations.serialize(layer.activation)
    if name not in _ACTIVATIONS:
        raise ValueError(f"Expected an activation out of {list(_ACTIVATIONS)}. Received: {layer.name} with {name!r}")
    # Keras's default slope.
    return {"activation": name, "slope": 0.2} if name == "leaky_relu" else {"activation": name}
