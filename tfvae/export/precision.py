"""A float32 copy of a model that was trained in mixed precision."""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tfvae.files.rules import shown

if TYPE_CHECKING:
    from tfvae.models.base import Model

_LOWER = {"mixed_bfloat16", "mixed_float16", "bfloat16", "float16"}
# Of an output's size: bfloat16 rounds each of some ten layers by 2^-9.
_CLOSE = 0.1


def in_float32(model: "Model") -> "Model":
    """The model itself if all its layers compute in float32, otherwise a copy that does, with the same weights.

    Mixed precision keeps weights in float32, so that the copy loses nothing; it is up to rounding what was trained.

    A model that cannot be copied, since a layer lacks a `get_config`, or the copy of which gives other outputs, is
    returned itself, with a warning.
    """
    layers = [layer for name in model.networks for layer in _layers(getattr(model, name))]
    if not any(layer.compute_dtype in _LOWER for layer in layers):
        return model
    classes = {type(layer).__name__: type(layer) for layer in layers}
    try:
        wanted = _in_float32(model.get_config())
        with keras.saving.custom_object_scope(classes):
            copy = type(model).from_config(wanted)
        for name in model.networks:
            getattr(copy, name).set_weights(getattr(model, name).get_weights())
        for variable, value in zip(copy.own_variables, model.own_variables, strict=True):
            variable.assign(value)
        reason = _difference(model, copy)
    except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
        reason = shown(str(error).strip().partition("\n")[0])
    if reason is None:
        return copy
    warnings.warn(f"The export computes in lower precision, as the model could not be copied: {reason}", stacklevel=3)
    return model


def _in_float32(config: Any) -> Any:
    """A configuration with float32 in place of each lower precision of a layer."""
    if isinstance(config, list | tuple):
        return type(config)(map(_in_float32, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy" and config["config"].get("name") in _LOWER:
        return {**config, "config": {**config["config"], "name": "float32"}}
    lower = isinstance(config.get("dtype"), str) and config["dtype"] in _LOWER
    return {key: "float32" if lower and key == "dtype" else _in_float32(value) for key, value in config.items()}


def _layers(layer: keras.Layer) -> Iterator[keras.Layer]:
    for each in layer.layers if isinstance(layer, keras.Model) else ():
        yield from _layers(each)
        yield each


def _difference(model: "Model", copy: "Model") -> str | None:
    """How the networks of both differ on random inputs by more than rounding; None if they do not."""
    rng = np.random.default_rng(0)
    for name in model.networks:
        inputs = rng.random((4, *getattr(model, name).input_shape[1:]), np.float32)
        expected, found = (
            keras.ops.convert_to_numpy(keras.ops.cast(getattr(each, name)(inputs, training=False), "float32"))
            for each in (model, copy)
        )
        if (difference := np.abs(found - expected).max()) > _CLOSE * (1 + np.abs(expected).max()):
            return f"the {name}'s outputs differ by {difference:.2g}"
    return None
