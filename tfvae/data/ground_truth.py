"""Images whose factors of variation are known."""

import hashlib
from functools import cached_property
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfvae.data.factors import FactorSpace


class Images(Protocol):
    """What images are read from: a uint8 array [N, H, W, C], or anything that is indexed like one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, indices: np.ndarray) -> np.ndarray: ...


class GroundTruthData:
    """One image for each point of a factor space, in its order.

    Args:
        name: what the data set is called.
        factors: the factor space; its length is the number of images.
        images: uint8 [N, H, W, C] in 0 .. 255, an array or an object that is indexed by int64 [N] like one.
        digest: identifies the content; by default the SHA-256 of the images, computed when it is asked for.

    Raises:
        ValueError: if there is not one image for each point of the factor space.
    """

    def __init__(self, name: str, factors: FactorSpace, images: Images, *, digest: str | None = None) -> None:
        if len(images.shape) != 4 or images.shape[0] != len(factors):
            raise ValueError(f"Expected images of shape [{len(factors)}, H, W, C]. Received: shape={images.shape}")
        self.name = name
        self.factors = factors
        self._images = images
        self._digest = digest

    def __len__(self) -> int:
        return len(self.factors)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        _, height, width, channels = self._images.shape
        return height, width, channels

    @property
    def scored_factors(self) -> tuple[str, ...]:
        """Names of the factors that vary, which are those that a metric can score."""
        return tuple(n for n, size in zip(self.factors.names, self.factors.sizes, strict=True) if size > 1)

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
        return self._images[self.factors.check_indices(indices)]

    def images_of(self, factors: np.ndarray) -> np.ndarray:
        """Returns the images of factors, int array [N, K], as uint8 [N, H, W, C]; raises as `to_index` does."""
        return self._images[self.factors.to_index(factors)]

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
