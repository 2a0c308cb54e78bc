"""Arguments of a model that its compiled steps hold: setting one later would change nothing, without a word."""

import inspect
from functools import cache
from typing import Any

import keras

from tfvae.models.weights import weights_of


def check_settable(model: keras.Model, name: str, value: Any) -> None:
    """Raises AttributeError for an argument of the constructor that steps which are compiled already hold.

    Weights of the objective (`Weight`) can be set at any time; so can all arguments of a model that runs eagerly.
    """
    attributes = vars(model)
    compiled = attributes.get("train_function") is not None or attributes.get("test_function") is not None
    if not compiled or name not in _arguments(model.__class__) or attributes.get("_run_eagerly"):
        return
    if name in attributes and _same(attributes[name], value):
        return
    raise AttributeError(
        f"Expected {name} to be set before fit and evaluate, whose compiled steps hold it, or after another compile(). "
        f"Received: {name}={value!r}"
    )


@cache
def _arguments(model: type) -> frozenset[str]:
    """The arguments of a class of models and its parents that are attributes fixed in its steps."""
    classes = model.__mro__[: model.__mro__.index(keras.Model)]
    names = {
        name
        for cls in classes
        if "__init__" in vars(cls)
        for name in inspect.signature(vars(cls)["__init__"]).parameters
    }
    return frozenset(names - {*weights_of(model), "self", "kwargs", "networks", "name", "dtype", "trainable"})


def _same(old: Any, new: Any) -> bool:
    if old is new:
        return True
    plain = (bool, int, float, str, type(None))
    return isinstance(old, plain) and isinstance(new, plain) and old == new
