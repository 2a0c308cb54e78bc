"""Images that are read by their places."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfvae.data.factors import Factors, checked_indices


class Images(Protocol):
    """What images are read from: a uint8 array [N, H, W, C], or anything that is indexed like one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, indices: np.ndarray) -> np.ndarray: ...


class ImageData:
    """Images alone, with nothing known of what is in them: their `factors` are None, and `scored_factors` empty.

    Args:
        name: what the data set is called.
        images: uint8 [N, H, W, C] in 0 .. 255, an array or an object that is indexed by int64 [N] like one.
        digest: identifies the content; by default the SHA-256 of the images, computed when it is asked for.

    Raises:
        ValueError: if the images have another shape, or there are none.
    """

    factors: Factors | None = None
    scored_factors: tuple[str, ...] = ()

    def __init__(self, name: str, images: Images, *, digest: str | None = None) -> None:
        if len(images.shape) != 4 or 0 in images.shape:
            raise ValueError(f"Expected images of shape [N, H, W, C], none of them 0. Received: shape={images.shape}")
        self.name = name
        self._images = images
        self._digest = digest

    def __len__(self) -> int:
        return self._images.shape[0]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        _, height, width, channels = self._images.shape
        return height, width, channels

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Returns images by their places.

        Args:
            indices: int array [N], in 0 .. len - 1.

        Returns:
            uint8 array [N, H, W, C] in 0 .. 255.

        Raises:
            TypeError: if the indices are not integers.
            ValueError: if the indices are not one-dimensional.
            IndexError: if an index is out of range.
        """
        return self._images[checked_indices(indices, len(self))]

    def in_graph(self) -> Callable[[tf.Tensor], tf.Tensor] | None:
        """For images that TensorFlow's operations can read out of something smaller.

        Returns:
            A function, indices int64 [N] -> uint8 [N, H, W, C] as of `images`, with what it needs on the device in
            whose scope this is called; None for other images.
        """
        read = getattr(self._images, "in_graph", None)
        return read and read()

    @cached_property
    def digest(self) -> str:
        """Identifies the content: a SHA-256 in hexadecimal digits."""
        if self._digest is not None:
            return self._digest
        sha256 = hashlib.sha256(str(self._images.shape).encode())
        for start in range(0, len(self), 1024):
            sha256.update(self._images[np.arange(start, min(start + 1024, len(self)))].tobytes())
        return sha256.hexdigest()

    def as_dataset(self) -> tf.data.Dataset:
        """Returns all images in order, float32 [H, W, C] in [0, 1], read as they are asked for."""

        def read(indices: tf.Tensor) -> tf.Tensor:
            images = tf.numpy_function(self.images, [indices], tf.uint8, stateful=False)
            return tf.cast(tf.ensure_shape(images, [None, *self.image_shape]), tf.float32) / 255.0

        blocks = tf.data.Dataset.range(len(self)).batch(256).map(read, num_parallel_calls=2, deterministic=True)
        dataset = blocks.unbatch().prefetch(256)
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self)))
