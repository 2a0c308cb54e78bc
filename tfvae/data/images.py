"""Images, or vectors, that are read by their places."""

import hashlib
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import DTypeLike

from tfvae.data.factor_table import described, summary
from tfvae.data.factors import Factors, checked_indices
from tfvae.data.shapes import is_image, undrawable
from tfvae.files.html import strip, table

if TYPE_CHECKING:
    import tensorflow as tf

_BLOCK_BYTES = 2**24
_SHOWN = 8  # images in a notebook


class Images(Protocol):
    """What images are read from: an array [N, H, W, C], or an object that is indexed like one and yields uint8."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, indices: np.ndarray) -> np.ndarray: ...


class GraphImages(ABC):
    """Images that TensorFlow's operations can also compute, from something smaller."""

    shape: tuple[int, ...]

    @abstractmethod
    def __getitem__(self, indices: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def in_graph(self) -> "Callable[[tf.Tensor], tf.Tensor] | None":
        """As `ImageData.in_graph`."""


class ImageData:
    """Images without known factors: their `factors` are None, and `scored_factors` is empty.

    The rows of a table of numbers are data too: vectors [N, F], which are kept as float32 and may have any finite
    values. What is said of images is true of them, but for the range.

    `str` of it is one line: how many images there are, their size and colours, their factors, and `notes`, text on what
    was left out. `files` are the names of the images' files, N paths within a folder, where they come from one.
    `origins`, int [N], are their places in the data set that they are a part of, None for all of it. `pairing` draws a
    partner for each image, see `pairs.paired`; None if nothing says which images are pairs.

    Args:
        name: the name of the data set.
        images: uint8 [N, H, W, C] in 0 .. 255, as an array, or as an object that is indexed by int64 [N] like one and
            is trusted to yield uint8. An array of bool, or of floats in [0, 1], is converted as `to_uint8` does. Or
            vectors, an array [N, F] of floats or bool.
        digest: identifies the content. By default it is the SHA-256 of the images, computed on first use.

    Raises:
        TypeError: if the images are an array of another dtype.
        ValueError: if the images have another shape, there are none, floats are outside of [0, 1], uint8 images in an
            array have only the values 0 and 1, or vectors are not finite.

    Examples:
        >>> data = tfvae.data.ImageData("mine", np.full([4, 16, 16, 1], 255, np.uint8))
        >>> float(data.scaled([0, 1]).max())
        1.0
    """

    factors: Factors | None = None
    scored_factors: tuple[str, ...] = ()

    def __init__(self, name: str, images: Images, *, digest: str | None = None) -> None:
        if isinstance(images, list | tuple):
            raise TypeError(
                f"Expected images as an array. Received: a {type(images).__name__}; np.stack(images) is one"
            )
        check_shape(images.shape)
        self.name = name
        self._images = stored(images) if isinstance(images, np.ndarray) else images
        self._digest = digest
        self.notes = ""
        self.files: tuple[str, ...] | None = None
        self.origins: np.ndarray | None = None
        self.pairing: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None

    def __str__(self) -> str:
        if is_image(self.image_shape):
            height, width, channels = self.image_shape
            colours = {1: "grey", 3: "in colour"}.get(channels, f"of {channels} channels")
            text = f"{self.name}: {len(self):,} images of {height} x {width}, {colours}"
        else:
            text = f"{self.name}: {len(self):,} vectors of {self.image_shape[0]} numbers"
        if self.factors is not None:
            text += f"; factors: {summary(described(self.factors))}"
        return f"{text}; {self.notes}" if self.notes else text

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def _repr_html_(self) -> str:
        places = np.arange(min(_SHOWN, len(self)))
        rows = [("name", self.name), ("examples", f"{len(self):,}"), ("shape", self.image_shape)]
        if self.factors is not None:
            rows.append(("factors", summary(described(self.factors))))
        if self.notes:
            rows.append(("notes", self.notes))
        shown = "" if undrawable(self.image_shape) else strip(self.images(places))
        return table(rows) + shown

    def __len__(self) -> int:
        return self._images.shape[0]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W, C); (F,) of vectors."""
        return tuple(self._images.shape[1:])

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Returns images by their places.

        Args:
            indices: int array [N], in 0 .. len - 1.

        Returns:
            uint8 array [N, H, W, C] in 0 .. 255; float32 [N, F] of vectors.

        Raises:
            TypeError: if the indices are not integers.
            ValueError: if the indices are not one-dimensional.
            IndexError: if an index is out of range.
        """
        return self._images[checked_indices(indices, len(self))]

    def scaled(self, indices: np.ndarray) -> np.ndarray:
        """Returns the images at `indices`, int [N], as an encoder takes them: float32 [N, H, W, C] in [0, 1].

        Vectors are those of `images`.
        """
        images = self.images(indices)
        if not is_image(self.image_shape):
            return images
        return np.asarray(images, np.float32) / np.float32(255)

    def name_of(self, place: int) -> str:
        """What the image at a place is called: its file where that is known, otherwise "image 17"."""
        return f"image {place}" if self.files is None else self.files[place]

    def random_indices(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Draws the places of distinct images, sorted; all places if there are no more than `number`.

        Args:
            number: how many to draw, at least 0.
            rng: a NumPy generator. It is not used if all places are returned.

        Returns:
            int64 array [min(number, len)].
        """
        size = len(self)
        return np.arange(size) if size <= number else np.sort(rng.choice(size, number, replace=False))

    def in_graph(self) -> "Callable[[tf.Tensor], tf.Tensor] | None":
        """Returns a function that reads images with TensorFlow's operations, if the images are stored for that.

        Returns:
            A function from indices, int64 [N], to uint8 [N, H, W, C], the same as those of `images`. Its tensors are on
            the device in whose scope this method is called. None for other images.
        """
        return self._images.in_graph() if isinstance(self._images, GraphImages) else None

    @cached_property
    def digest(self) -> str:
        """Identifies the content: a SHA-256 in hexadecimal digits."""
        if self._digest is not None:
            return self._digest
        sha256 = hashlib.sha256(str(self._images.shape).encode())
        rows = rows_of_a_block(self.image_shape)
        for start in range(0, len(self), rows):
            sha256.update(self._images[np.arange(start, min(start + rows, len(self)))].tobytes())
        return sha256.hexdigest()

    def as_dataset(self) -> "tf.data.Dataset":
        """Returns all images in order, float32 [H, W, C] in [0, 1], or [F] of vectors, read as they are requested."""
        import tensorflow as tf

        @tf.autograph.experimental.do_not_convert
        def read(indices: tf.Tensor) -> tf.Tensor:
            images = tf.numpy_function(self.scaled, [indices], tf.float32, stateful=False)
            return tf.ensure_shape(images, [None, *self.image_shape])

        blocks = tf.data.Dataset.range(len(self)).batch(256).map(read, num_parallel_calls=2, deterministic=True)
        options = tf.data.Options()
        options.autotune.enabled = False  # as in `batches`
        dataset = blocks.unbatch().prefetch(256).with_options(options)
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self)))


def rows_of_a_block(row_shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> int:
    """How many rows of an array are read at a time: at most 1024, and about 16 MB, whatever the size of a row is."""
    return max(1, min(1024, _BLOCK_BYTES // max(1, math.prod(row_shape) * np.dtype(dtype).itemsize)))


def check_shape(shape: tuple[int, ...]) -> None:
    """Raises ValueError unless it is the shape of images [N, H, W, C] or of vectors [N, F], at least one.

    Warns of what looks like [N, C, H, W].
    """
    if len(shape) not in (2, 4) or 0 in shape:
        raise ValueError(
            f"Expected images of shape [N, H, W, C], or vectors [N, F], none of them 0. Received: shape={tuple(shape)}"
        )
    if len(shape) == 4 and shape[1] in (1, 3) and shape[2] == shape[3] > 4:
        warnings.warn(
            f"Expected images of shape [N, H, W, C]. Received: shape={tuple(shape)}, taken as {shape[3]} channels of "
            f"{shape[1]} x {shape[2]} pixels; those of PyTorch's order are passed as images.transpose(0, 2, 3, 1)",
            stacklevel=3,
        )


def stored(images: np.ndarray) -> np.ndarray:
    """Returns images [N, H, W, C] as uint8, see `to_uint8`, and vectors [N, F] of floats or bool as float32.

    Raises:
        TypeError: if the dtype is another one.
        ValueError: if floats are outside of [0, 1], or vectors are not finite.
    """
    if images.ndim != 2:
        _check_levels(images)
        return to_uint8(images)
    if images.dtype.kind not in "bf":
        raise TypeError(
            f"Expected vectors of dtype float. Received: dtype={images.dtype}; numbers become floats by "
            "vectors.astype(np.float32)"
        )
    vectors = images.astype(np.float32)
    check_finite(vectors)
    return vectors


def _check_levels(images: np.ndarray) -> None:
    """Raises ValueError when uint8 images have only the values 0 and 1, which would be nearly black."""
    if images.dtype != np.uint8:
        return
    most, rows = 0, rows_of_a_block(images.shape[1:])
    for start in range(0, len(images), rows):
        most = max(most, int(images[start : start + rows].max()))
        if most > 1:
            return
    if most == 1:
        raise ValueError(
            "Expected uint8 images in 0 .. 255. Received: maximum=1; images of 0 and 1 are passed as "
            "images.astype(bool)"
        )


def check_finite(vectors: np.ndarray) -> None:
    """Raises ValueError when vectors [N, F] are not all finite, in float32."""
    if not np.isfinite(vectors).all():
        bad = int((~np.isfinite(vectors)).any(axis=1).sum())
        raise ValueError(f"Expected finite vectors. Received: NaN or infinity in {bad} of {len(vectors)}")


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Returns images as uint8 in 0 .. 255.

    Args:
        images: an array of uint8, which is returned as it is; of bool, whose True becomes 255; or of floats x in
            [0, 1], which become round(255 x) in float32, as "npz:" does it.

    Raises:
        TypeError: if the dtype is another one.
        ValueError: if floats are outside of [0, 1], or NaN.
    """
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "bf":
        raise TypeError(
            f"Expected images of dtype uint8 in 0 .. 255, bool, or float in [0, 1]. Received: dtype={images.dtype}; "
            f"numbers in 0 .. 255 become uint8 by images.astype(np.uint8)"
        )
    converted = np.empty(images.shape, np.uint8)
    rows = rows_of_a_block(images.shape[1:], images.dtype)
    for start in range(0, len(images), rows):
        block = images[start : start + rows]
        check_range(block)
        converted[start : start + rows] = np.round(block.astype(np.float32) * 255)
    return converted


def check_range(images: np.ndarray, source: str = "") -> None:
    """Checks images of any dtype.

    Args:
        images: an array that is not empty.
        source: ends the message of the error.

    Raises:
        ValueError: if the images are floats outside of [0, 1], or NaN.
    """
    low, high = images.min(), images.max()
    # A comparison with NaN is false.
    if images.dtype.kind == "f" and not (low >= 0 and high <= 1):
        raise ValueError(
            f"Expected float images in [0, 1], without NaN; divide by 255 what is in 0 .. 255. "
            f"Received: minimum={low}, maximum={high}{source}"
        )
