"""Images of two values, read from one bit a pixel."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfvae.data.images import GraphImages

if TYPE_CHECKING:
    import tensorflow as tf


class PackedImages(GraphImages):
    """Images of two values, 0 and 255, stored as bits in a .npy file and unpacked as they are read.

    Args:
        path: a .npy file of the bits, uint8 [N, H W C / 8], by `np.packbits`.
        image_shape: (H, W, C), with H W C a multiple of 8.
    """

    def __init__(self, path: Path, image_shape: tuple[int, int, int]) -> None:
        self._bits = np.load(path, mmap_mode="r")
        self.shape = (len(self._bits), *image_shape)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        pixels = np.unpackbits(self._bits[indices], axis=-1)
        pixels *= 255
        return pixels.reshape(-1, *self.shape[1:])

    def in_graph(self) -> "Callable[[tf.Tensor], tf.Tensor]":
        """As `ImageData.in_graph`."""
        import tensorflow as tf

        bits = tf.convert_to_tensor(self._bits)
        places = tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)

        def read(indices: tf.Tensor) -> tf.Tensor:
            shifted = tf.bitwise.right_shift(tf.gather(bits, indices)[..., tf.newaxis], places)
            pixels = tf.bitwise.bitwise_and(shifted, tf.constant(1, tf.uint8)) * tf.constant(255, tf.uint8)
            return tf.reshape(pixels, [-1, *self.shape[1:]])

        return read


def pack(images: np.ndarray) -> np.ndarray:
    """Returns the bits of images of two values, 0 and any other, [n, H, W, C]: uint8 [n, H W C / 8]."""
    return np.packbits(images.reshape(len(images), -1), axis=-1)
