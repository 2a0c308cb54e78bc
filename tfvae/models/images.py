"""The check of the images that a model is given, and its message."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

# Rounding may take a resized image past the bounds.
TOLERANCE = 1e-5


def checked(images: Any, image_shape: tuple[int, int, int]) -> tf.Tensor:
    """The images as float32 [B, H, W, C], if they are images that a model takes.

    Values, and sizes that a data set leaves open, are known only when a graph runs. The graph checks them then, before
    it uses the images. (XLA, with `jit_compile=True`, leaves out the check of values.)

    Args:
        images: what was given as images, float [B, H, W, C] in [0, 1].
        image_shape: (H, W, C).

    Raises:
        ValueError: for anything else, in words.
        InvalidArgumentError: when a graph runs; `refused_in_words` gives it the same words.
    """
    expected = _expected(image_shape)
    if isinstance(images, np.ndarray):
        images = tf.convert_to_tensor(images)
    if not isinstance(images, tf.Tensor):
        raise ValueError(f"{expected} Received: {_described(images)}")
    if not images.dtype.is_floating:
        hint = " (divide pixels of 0 to 255 by 255)" if images.dtype.is_integer else ""
        raise ValueError(f"{expected} Received: {images.dtype.name}{hint}")
    if not images.shape.is_compatible_with((None, *image_shape)):
        raise ValueError(f"{expected} Received: shape={tuple(images.shape)}")
    if not images.shape[1:].is_fully_defined():
        images = tf.ensure_shape(images, (None, *image_shape))
    images = tf.cast(images, tf.float32)  # a sum in half precision would overflow
    # Three reductions take less time than comparing each pixel. A minimum may ignore NaN; a sum does not.
    low, high, total = tf.reduce_min(images), tf.reduce_max(images), tf.reduce_sum(images)
    in_range = (low >= -TOLERANCE) & (high <= 1 + TOLERANCE) & tf.math.is_finite(total)
    if tf.executing_eagerly():
        if not in_range:
            raise ValueError(f"{expected} Received: values from {low} to {high}")
        return images
    message = [f"{expected} Received: values from", low, "to", high]
    # The operation itself: tf.debugging.Assert would put it into a branch.
    with tf.control_dependencies([tf.raw_ops.Assert(condition=in_range, data=message)]):
        return tf.identity(images)


@contextmanager
def refused_in_words() -> Iterator[None]:
    """Raises the ValueError of `checked` in place of TensorFlow's long error from a graph."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if found := re.search(r"assertion failed: \[(Expected images, .*)\]", error.message):
            raise ValueError(found[1].replace("] [", " ")) from None
        if found := re.search(
            r"tensor \S+ (\[.*\]) is not compatible with expected shape \[\?,(.*)\]\.", error.message
        ):
            received, expected = tuple(json.loads(found[1])), tuple(json.loads(f"[{found[2]}]"))
            raise ValueError(f"{_expected(expected)} Received: shape={received}") from None
        raise


def _expected(image_shape: tuple[int, ...]) -> str:
    return f"Expected images, float {(None, *image_shape)} in [0, 1]."


def _described(data: Any) -> str:
    if isinstance(data, Mapping):
        return f"a dict of {sorted(data)} (give the images alone, as with dataset.map(lambda row: row[name]))"
    if isinstance(data, tuple | list):
        return f"a {type(data).__name__} of {len(data)} (give the images themselves, as one array)"
    return type(data).__name__
