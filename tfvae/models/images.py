"""The check of the images, or vectors, that a model is given, and its message."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.data.shapes import is_image, noun

# Rounding may take a resized image past the bounds.
TOLERANCE = 1e-5


def checked(images: Any, image_shape: tuple[int, ...], *, bounded: bool = True, paired: bool = False) -> tf.Tensor:
    """The images as float32 [B, H, W, C], if they are images that a model takes; vectors are [B, F].

    Values, and sizes that a data set leaves open, are known only when a graph runs. The graph checks them then, before
    it uses the images. XLA leaves out the check of values, so a graph that XLA compiles gets images that have been
    checked (`tfvae.models.compiled`).

    Args:
        images: what was given as images, float [B, H, W, C].
        image_shape: (H, W, C), or (F,) of vectors.
        bounded: whether values must be in [0, 1]; otherwise they may be any finite numbers.
        paired: whether they must be pairs, [B, 2, H, W, C].

    Raises:
        ValueError: for anything else, in words.
        InvalidArgumentError: when a graph runs; `refused_in_words` gives it the same words.
    """
    expected = _expected(image_shape, bounded, paired)
    shape = (None, 2, *image_shape) if paired else (None, *image_shape)
    if isinstance(images, np.ndarray):
        images = tf.convert_to_tensor(images)
    if not isinstance(images, tf.Tensor):
        raise ValueError(f"{expected} Received: {_described(images)}")
    if not images.dtype.is_floating:
        hint = " (divide pixels of 0 to 255 by 255)" if images.dtype.is_integer and bounded else ""
        raise ValueError(f"{expected} Received: {images.dtype.name}{hint}")
    if not images.shape.is_compatible_with(shape):
        raise ValueError(f"{expected} Received: shape={tuple(images.shape)}")
    if not images.shape[1:].is_fully_defined():
        images = tf.ensure_shape(images, shape)
    images = tf.cast(images, tf.float32)  # a sum in half precision would overflow
    low, high = tf.reduce_min(images), tf.reduce_max(images)
    if bounded:
        # Three reductions take less time than comparing each pixel. A minimum may ignore NaN; a sum does not.
        valid = (low >= -TOLERANCE) & (high <= 1 + TOLERANCE) & tf.math.is_finite(tf.reduce_sum(images))
    else:
        valid = tf.reduce_all(tf.math.is_finite(images))
    if tf.executing_eagerly():
        if not valid:
            raise ValueError(f"{expected} Received: values from {low} to {high}")
        return images
    message = [f"{expected} Received: values from", low, "to", high]
    # The operation itself: tf.debugging.Assert would put it into a branch.
    with tf.control_dependencies([tf.raw_ops.Assert(condition=valid, data=message)]):
        return tf.identity(images)


@contextmanager
def refused_in_words() -> Iterator[None]:
    """Raises the ValueError of `checked` in place of TensorFlow's long error from a graph."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if found := re.search(
            r"assertion failed: \[(Expected (?:pairs of )?(?:images|vectors|arrays), .*)\]", error.message
        ):
            raise ValueError(found[1].replace("] [", " ")) from None
        if found := re.search(
            r"tensor \S+ (\[.*\]) is not compatible with expected shape \[\?,(.*)\]\.", error.message
        ):
            received, expected = tuple(json.loads(found[1])), tuple(json.loads(f"[{found[2]}]"))
            paired = expected[0] == 2 and len(expected) in (2, 4)
            expected = expected[1:] if paired else expected
            # The shape is what is wrong; of vectors, the range depends on the model.
            message = _expected(expected, is_image(expected), paired)
            raise ValueError(f"{message} Received: shape={received}") from None
        raise


def _expected(image_shape: tuple[int, ...], bounded: bool, paired: bool) -> str:
    values = "in [0, 1]" if bounded else "of finite values"
    if paired:
        return f"Expected pairs of {noun(image_shape)}, float {(None, 2, *image_shape)} {values}."
    return f"Expected {noun(image_shape)}, float {(None, *image_shape)} {values}."


def _described(data: Any) -> str:
    if isinstance(data, Mapping):
        return f"a dict of {sorted(data)} (give the images alone, as with dataset.map(lambda row: row[name]))"
    if isinstance(data, tuple | list):
        return f"a {type(data).__name__} of {len(data)} (give the images themselves, as one array)"
    return type(data).__name__
