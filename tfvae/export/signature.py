"""A signature of an export, and the checks that run in its graph, whose messages a client of the server reads."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.data.shapes import noun

# Rounding may take a resized image past the bounds.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Signature:
    """A function from named tensors to named tensors, and an example of a request.

    Args:
        function: a tf.function with an input signature. The first dimension is free: it returns as many rows as it
            gets, also none. A server may combine the rows of several requests.
        example: a value for each input, of one row; it warms up TensorFlow Serving.
    """

    function: tf.types.experimental.PolymorphicFunction
    example: dict[str, np.ndarray]


def checked_images(images: tf.Tensor, bounded: bool = True) -> tf.Tensor:
    """The images, or vectors; when the graph runs, it checks that they are in [0, 1], or finite if not `bounded`."""
    name = noun(images.shape[1:])
    if not bounded:
        finite = tf.reduce_all(tf.math.is_finite(images))
        return checked(images, finite, [f"Expected finite {name}. Received: NaN or infinity"])
    # Only reductions: comparing each pixel takes longer. A minimum may ignore NaN; a sum does not.
    low, high, total = tf.reduce_min(images), tf.reduce_max(images), tf.reduce_sum(images)
    no_images = tf.size(images) == 0  # their minimum is infinite
    in_range = no_images | ((low >= -TOLERANCE) & (high <= 1 + TOLERANCE) & tf.math.is_finite(total))
    return checked(images, in_range, [f"Expected {name} in [0, 1]. Received: values from", low, "to", high])


def checked_rows(tensor: tf.Tensor, like: tf.Tensor, names: str) -> tf.Tensor:
    """The tensor; when the graph runs, it checks that there are as many rows as in `like`."""
    rows, expected = tf.shape(tensor)[0], tf.shape(like)[0]
    return checked(tensor, rows == expected, [f"Expected as many rows of {names}. Received:", expected, rows])


def checked(tensor: tf.Tensor, condition: tf.Tensor, message: list[Any]) -> tf.Tensor:
    """The tensor; when the graph runs, it fails with the message if the condition is false."""
    # The operation itself: tf.debugging.Assert would put it into a branch.
    with tf.control_dependencies([tf.raw_ops.Assert(condition=condition, data=message)]):
        return tf.identity(tensor)
