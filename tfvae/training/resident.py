"""Images that lie on the device that trains, so that a step waits for no host."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfvae.data.batches import ImageSource
from tfvae.data.images import ImageData

_BLOCK = 4096


def resident(data: ImageSource) -> Callable[[tf.Tensor], tf.Tensor]:
    """Puts all images into the memory of the device in whose scope this is called.

    Stores that are smaller than their images stay so, and TensorFlow's operations draw from them: dSprites at a bit a
    pixel (377 MB), 3D Shapes as its maps (79 MB), and views of both. Others take a byte a pixel.

    Args:
        data: images, of dtype uint8.

    Returns:
        A function of places, int64 [B]: the images float32 [B, H, W, C] in [0, 1], those of `batches` bit for bit.

    Raises:
        TypeError: if the images are not uint8.
    """
    read = data.in_graph() if isinstance(data, ImageData) else None
    if read is None:
        read = _bytewise(data)
    # Not divided in the graph: TensorFlow multiplies by the rounded 1 / 255 there, which is off by a bit.
    levels = tf.constant(np.arange(256, dtype=np.float32) / np.float32(255))
    return lambda indices: tf.gather(levels, tf.cast(read(indices), tf.int32))


def _bytewise(data: ImageSource) -> Callable[[tf.Tensor], tf.Tensor]:
    parts = range(0, len(data), _BLOCK)
    pixels = np.concatenate([data.images(np.arange(start, min(start + _BLOCK, len(data)))) for start in parts])
    if pixels.dtype != np.uint8:
        raise TypeError(f"Expected images of dtype uint8 (0 .. 255). Received: dtype={pixels.dtype}")
    images = tf.convert_to_tensor(pixels)
    return lambda indices: tf.gather(images, indices)
