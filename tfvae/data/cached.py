"""Arrays that are drawn once and then kept in a file of the cache, which carries its own check."""

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from tfvae.data.packed import write_whole

_CHECK = hashlib.sha256().digest_size


def cached_array(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, draw: Callable[[], Iterable[np.ndarray]]
) -> tuple[np.ndarray, str]:
    """Returns an array from its file, which is written, whole or not at all, when there is none.

    The file is a .npy file with a SHA-256 of all its bytes behind it, so that damage is found.

    Args:
        path: the file, a .npy; its folder is made.
        shape: of the array.
        dtype: of the array.
        draw: yields blocks of the array along its first axis, in order; called only when they are needed.

    Returns:
        The array, mapped from the file, and the SHA-256 in hexadecimal digits.

    Raises:
        OSError: if the disk has no room, or the file cannot be written.
        ValueError: if the blocks do not add up to the shape.
    """
    header = _header(shape, np.dtype(dtype))
    digest = _checked(path, header, _size(shape, dtype)) if path.exists() else None
    if digest is None and path.exists():
        warnings.warn(f"{path} is damaged and is drawn again.", stacklevel=3)
    if digest is None:
        digest = _write(path, header, _size(shape, dtype), draw())
    return np.load(path, mmap_mode="r"), digest


def _write(path: Path, header: bytes, size: int, blocks: Iterable[np.ndarray]) -> str:
    sha256 = hashlib.sha256(header)

    def chunks() -> Iterator[bytes | memoryview]:
        yield header
        written = 0
        for block in blocks:
            data = np.ascontiguousarray(block).data.cast("B")
            sha256.update(data)
            written += data.nbytes
            yield data
        if written != size:
            raise ValueError(f"Expected {size} bytes of blocks. Received: {written} bytes")
        yield sha256.digest()

    write_whole(path, len(header) + size + _CHECK, chunks())
    return sha256.hexdigest()


def _checked(path: Path, header: bytes, size: int) -> str | None:
    """The file's digest, or None if it is not whole or holds another array."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size != len(header) + size + _CHECK or file.read(len(header)) != header:
            return None
        sha256, left = hashlib.sha256(header), size
        while left:
            block = file.read(min(left, 1 << 20))
            sha256.update(block)
            left -= len(block)
        return sha256.hexdigest() if file.read() == sha256.digest() else None


def _header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    header = io.BytesIO()
    description = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(header, {"descr": description, "fortran_order": False, "shape": shape})
    return header.getvalue()


def _size(shape: tuple[int, ...], dtype: DTypeLike) -> int:
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
