"""Images of two values in a file of the cache, one bit a pixel: written whole, checked, and read as a memory map."""

import errno
import hashlib
import io
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import platformdirs
import tensorflow as tf


class PackedImages:
    """Images of two values, 0 and 255, kept at one bit a pixel in a .npy file and unpacked as they are read.

    Args:
        path: a file that `write_packed` wrote.
        image_shape: (H, W, C), with H W C a multiple of 8.
    """

    def __init__(self, path: Path, image_shape: tuple[int, int, int]) -> None:
        self._bits = np.load(path, mmap_mode="r")  # uint8 [N, H W C / 8]
        self.shape = (len(self._bits), *image_shape)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        pixels = np.unpackbits(self._bits[indices], axis=-1)
        pixels *= 255
        return pixels.reshape(-1, *self.shape[1:])

    def in_graph(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """As `ImageData.in_graph`."""
        bits = tf.convert_to_tensor(self._bits)
        places = tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)

        def read(indices: tf.Tensor) -> tf.Tensor:
            shifted = tf.bitwise.right_shift(tf.gather(bits, indices)[..., tf.newaxis], places)
            pixels = tf.bitwise.bitwise_and(shifted, tf.constant(1, tf.uint8)) * tf.constant(255, tf.uint8)
            return tf.reshape(pixels, [-1, *self.shape[1:]])

        return read


def cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """Returns where data sets are kept: `cache`, else $TFVAE_CACHE, else the user's cache folder."""
    return Path(cache or os.environ.get("TFVAE_CACHE") or platformdirs.user_cache_dir("tfvae"))


def packed_digest(path: Path, shape: tuple[int, int]) -> str | None:
    """Returns the SHA-256 of the bits in a file of packed images, or None if it is not whole.

    Args:
        path: a file that `write_packed` should have written.
        shape: (number of images, bytes an image).
    """
    with path.open("rb") as file:
        try:
            np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0(file)
        except (ValueError, EOFError):
            return None
        whole = os.fstat(file.fileno()).st_size == file.tell() + shape[0] * shape[1]
        if header != (shape, False, np.dtype(np.uint8)) or not whole:
            return None
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_packed(path: Path, shape: tuple[int, int], blocks: Iterable[np.ndarray]) -> str:
    """Writes packed images to a .npy file, whole or not at all.

    Args:
        path: the file; its folder is made.
        shape: (number of images, bytes an image).
        blocks: uint8 arrays [n, bytes an image], which have that number of images together.

    Returns:
        The SHA-256 of the bits in hexadecimal digits.

    Raises:
        OSError: if the disk has no room, or the file cannot be written.
        ValueError: if the blocks do not add up to the shape.
    """
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    size = shape[0] * shape[1]
    sha256 = hashlib.sha256()

    def chunks() -> Iterator[bytes | memoryview]:
        yield header.getvalue()
        written = 0
        for block in blocks:
            data = np.ascontiguousarray(block).data
            sha256.update(data)
            written += data.nbytes
            yield data
        if written != size:
            raise ValueError(f"Expected {size} bytes of images. Received: {written} bytes")

    write_whole(path, len(header.getvalue()) + size, chunks())
    return sha256.hexdigest()


def write_whole(path: Path, size: int, chunks: Iterable[bytes | memoryview]) -> None:
    """Writes a file beside its place, then moves it there: it is never seen half written.

    Args:
        path: the file; its folder is made.
        size: how many bytes the file will have.
        chunks: its content.

    Raises:
        OSError: if the disk has no room, or the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path.parent).free < size:
        raise _no_room(path, size)
    # Unlike tempfile's, a file made by open has the permissions that the user's umask gives: a cache may be shared.
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with unfinished.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        try:
            unfinished.replace(path)
        except PermissionError:
            # Windows does not replace a file that is mapped: another process has just written the same one.
            if not path.exists():
                raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_room(path, size) from error
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def _no_room(path: Path, size: int) -> OSError:
    return OSError(
        errno.ENOSPC,
        f"Expected {size:,} bytes free for {path.name}; choose another folder by cache=... or the environment "
        f"variable TFVAE_CACHE. Received: {shutil.disk_usage(path.parent).free:,} bytes free",
        str(path.parent),
    )
