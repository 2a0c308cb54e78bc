"""Images that lie on the device that trains, so that a step does not wait for the host."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from tfvae.data.images import ImageData
from tfvae.data.shapes import is_image
from tfvae.models.base import Model

Reader = Callable[[tf.Tensor], tf.Tensor]
_BLOCK = 4096


def on_device(data: ImageData) -> Reader:
    """Puts all images into the memory of the device in whose scope this is called.

    Images that are stored in less room stay so, and TensorFlow's operations draw them from there: dSprites at a bit a
    pixel (377 MB), 3D Shapes as its maps (79 MB), and views of both. Others take a byte a pixel; vectors
    are kept as float32.

    Args:
        data: images, of dtype uint8, or vectors.

    Returns:
        A function of indices, int64 [B]: the images float32 [B, H, W, C] in [0, 1], those of `batches` bit for bit.
        Of indices [B, 2] it gives pairs.

    Raises:
        TypeError: if the images are not uint8.
    """
    if not is_image(data.image_shape):
        vectors = tf.convert_to_tensor(data.scaled(np.arange(len(data))))
        return lambda indices: tf.gather(vectors, indices)
    read = data.in_graph() or _bytewise(data)
    # Not divided in the graph: TensorFlow multiplies by the rounded 1 / 255 there, which is off by a bit.
    levels = tf.constant(np.arange(256, dtype=np.float32) / np.float32(255))

    def images(indices: tf.Tensor) -> tf.Tensor:
        pixels = tf.gather(levels, tf.cast(read(tf.reshape(indices, [-1])), tf.int32))
        return tf.ensure_shape(
            tf.reshape(pixels, [*tf.unstack(tf.shape(indices)), *data.image_shape]),
            [*indices.shape, *data.image_shape],
        )

    return images


@contextmanager
def trained_by_index(model: Model, read: Reader) -> Iterator[None]:
    """While the block runs, `model.fit` takes indices of images, int64 [B], or [B, 2], and `read` gives the images.

    Afterwards the model is one like any other: it takes images, and a call of TensorFlow is one step.
    """
    train_step = model.train_step
    model.train_function = None
    model.train_step = lambda indices: train_step(read(indices))
    try:
        yield
    finally:
        del model.train_step  # the class's own shows again
        model.steps_per_execution, model.train_function = 1, None


def execute_together(model: Model, steps: int) -> None:
    """Makes `steps` steps of `fit` one call of TensorFlow, which is traced again if it made another number of them."""
    if model.steps_per_execution != steps:
        model.steps_per_execution, model.train_function = steps, None


def _bytewise(data: ImageData) -> Reader:
    parts = range(0, len(data), _BLOCK)
    pixels = np.concatenate([data.images(np.arange(start, min(start + _BLOCK, len(data)))) for start in parts])
    if pixels.dtype != np.uint8:
        raise TypeError(f"Expected images of dtype uint8 (0 .. 255). Received: dtype={pixels.dtype}")
    images = tf.convert_to_tensor(pixels)
    return lambda indices: tf.gather(images, indices)
