"""Images that lie on the device that trains, so that a step waits for no host."""

import numpy as np
import tensorflow as tf

from tfvae.data.batches import ImageSource

_BLOCK = 4096


class ResidentImages:
    """All images of a data set in the memory of the device in whose scope this is made.

    Binary images that are kept packed, such as dSprites (377 MB), stay at a bit a pixel and are unpacked in the graph;
    others take a byte.

    Args:
        data: images.
    """

    def __init__(self, data: ImageSource) -> None:
        bits = getattr(data, "packed", None)
        self.packed = bits is not None
        self.image_shape = data.images(np.zeros(1, np.int64)).shape[1:]
        if bits is None:
            parts = range(0, len(data), _BLOCK)
            pixels = [data.images(np.arange(start, min(start + _BLOCK, len(data)))) for start in parts]
            bits = np.concatenate(pixels)
        if bits.dtype != np.uint8:
            raise TypeError(f"Expected images of dtype uint8 (0 .. 255). Received: dtype={bits.dtype}")
        self.values = tf.convert_to_tensor(bits)

    def __call__(self, indices: tf.Tensor) -> tf.Tensor:
        """The images at `indices`, int [B]: float32 [B, H, W, C] in [0, 1], equal to those of `batches` bit for bit."""
        rows = tf.gather(self.values, indices)
        if not self.packed:
            return tf.cast(rows, tf.float32) / 255.0
        places = tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)
        pixels = tf.bitwise.bitwise_and(tf.bitwise.right_shift(rows[..., tf.newaxis], places), tf.constant(1, tf.uint8))
        return tf.cast(tf.reshape(pixels, [-1, *self.image_shape]), tf.float32)
