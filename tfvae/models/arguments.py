"""What Keras does not check of the arguments of `fit`, `evaluate` and `predict`."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import keras
import numpy as np
import tensorflow as tf

from tfvae.models.averages import swapped_together
from tfvae.models.images import refused_in_words

P = ParamSpec("P")
R = TypeVar("R")


def guarded(method: Callable[P, R]) -> Callable[P, R]:
    """A method of `keras.Model` that refuses data which it could not run on, before it runs, and in words.

    `SwapEMAWeights` among its callbacks swaps the averages of all optimizers.

    Raises:
        ValueError: for a data set without an end and without a number of steps, weights of samples or classes, images
            that the model does not take, or batches too small for a single step of the model.
    """
    signature = inspect.signature(method)

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        _check_weights(bound.arguments)
        _check_end(bound.arguments)
        if "epochs" in bound.arguments:
            _check_batch_size(bound.arguments)
        bound.arguments["callbacks"] = swapped_together(bound.arguments["callbacks"], bound.arguments["self"])
        with refused_in_words():
            return method(*bound.args, **bound.kwargs)

    return run


def _check_weights(given: Mapping[str, Any]) -> None:
    # Without labels, Keras drops weights of samples before a step sees them.
    for name in ("sample_weight", "class_weight"):
        if given.get(name) is not None:
            raise ValueError(
                f"{type(given['self']).__name__} does not support sample weights or class weights. Received: {name}"
            )


def _check_end(given: Mapping[str, Any]) -> None:
    validation = keras.utils.unpack_x_y_sample_weight(given.get("validation_data"))[0]
    steps = "steps_per_epoch" if "steps_per_epoch" in given else "steps"
    for data, name in ((given["x"], steps), (validation, "validation_steps")):
        if given.get(name) is None and _endless(data):
            raise ValueError(f"Expected {name}, as the data set has no end. Received: {name}=None")


def _endless(data: Any) -> bool:
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    if isinstance(data, tf.data.Dataset):
        return bool(data.cardinality() == tf.data.INFINITE_CARDINALITY)
    if isinstance(data, tf.distribute.DistributedDataset):
        return bool(data.cardinality == tf.data.INFINITE_CARDINALITY)
    return False


def _check_batch_size(given: Mapping[str, Any]) -> None:
    model, size = given["self"], _batch_size(given["x"], given["batch_size"])
    replicas = model.distribute_strategy.num_replicas_in_sync
    # The first replica has the most images of a batch.
    if size is not None and -(-size // replicas) < model.batch_multiple:
        raise ValueError(
            f"Expected batches of at least {model.batch_multiple} images a replica, which a step of "
            f"{type(model).__name__} needs. Received: batches of {size} on {replicas} replica(s)"
        )


def _batch_size(data: Any, batch_size: int | None) -> int | None:
    """Images in a batch, or None where that is not known in advance."""
    if isinstance(data, np.ndarray | tf.Tensor):
        return min(len(data), batch_size or 32)  # Keras's default
    if isinstance(data, tf.data.Dataset):
        images = keras.utils.unpack_x_y_sample_weight(data.element_spec)[0]
        if isinstance(images, tf.TensorSpec) and images.shape.rank:
            return images.shape[0]
    return None
