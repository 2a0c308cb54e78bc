"""What a signature of an export is, and the checks that run in its graph: a client of the server reads their words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

# A resized image may pass the bounds by rounding.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Signature:
    """A function of named tensors to named tensors, and a request that it answers.

    Args:
        function: a tf.function with an input signature. Its first dimension is free, and any number of rows, also none,
            gives as many; a server may put the rows of several requests together.
        example: a value for each input, of one row; TensorFlow Serving is warmed up with it.
    """

    function: tf.types.experimental.PolymorphicFunction
    example: dict[str, np.ndarray]


def checked_images(images: tf.Tensor) -> tf.Tensor:
    """The images [B, H, W, C], whose values are checked to be in [0, 1] when the graph runs."""
    # Reductions alone, as comparing each pixel takes longer. Minima may pass over NaN, which a sum does not.
    low, high, total = tf.reduce_min(images), tf.reduce_max(images), tf.reduce_sum(images)
    no_images = tf.size(images) == 0  # their minimum is infinite
    in_range = no_images | ((low >= -TOLERANCE) & (high <= 1 + TOLERANCE) & tf.math.is_finite(total))
    return checked(images, in_range, ["Expected images in [0, 1]. Received: values from", low, "to", high])


def checked_rows(tensor: tf.Tensor, like: tf.Tensor, names: str) -> tf.Tensor:
    """The tensor, which is checked to have as many rows as `like` when the graph runs."""
    rows, expected = tf.shape(tensor)[0], tf.shape(like)[0]
    return checked(tensor, rows == expected, [f"Expected as many rows of {names}. Received:", expected, rows])


def checked(tensor: tf.Tensor, condition: tf.Tensor, message: list[Any]) -> tf.Tensor:
    """The tensor, which cannot be had when the condition is false."""
    # The operation itself: tf.debugging.Assert would put it into a branch.
    with tf.control_dependencies([tf.raw_ops.Assert(condition=condition, data=message)]):
        return tf.identity(tensor)
