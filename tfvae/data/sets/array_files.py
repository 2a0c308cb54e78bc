"""Arrays in .npz, .npy and HDF5 files, read in blocks. Pickled objects are not read."""

import contextlib
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from tfvae.data.images import rows_of_a_block

_MOST_BYTES = 2**30  # of an array that is read at once: factors, or a chunk of an HDF5 file
_LARGEST_ROW = 2**28  # bytes


def keys_of(file: Path) -> set[str]:
    """Returns the names of the arrays in a .npz or HDF5 file, none for a .npy file.

    Raises:
        ValueError: if the file has another format.
    """
    if zipfile.is_zipfile(file):
        with _zip_errors(file, None), zipfile.ZipFile(file) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
    if _is_hdf5(file):
        import h5py

        with _hdf5_errors(file), h5py.File(file) as opened:
            return {name for name, item in opened.items() if isinstance(item, h5py.Dataset)}
    with file.open("rb") as stream:
        if stream.read(6) != b"\x93NUMPY":
            raise ValueError(f"Expected a .npz, .npy or HDF5 file. Received: {file}, which is none, or is cut off")
    return set()


def header_of(file: Path, key: str | None) -> tuple[tuple[int, ...], np.dtype]:
    """Returns the shape and the dtype of an array; `key` is None for a .npy file.

    Raises:
        ValueError: if the file is damaged, or it is an array of Python objects.
    """
    if key and _is_hdf5(file):
        import h5py

        with _hdf5_errors(file), h5py.File(file) as opened:
            array = opened[key]
            _check_size(array.shape or (), array.dtype, array.chunks)
            return array.shape or (), array.dtype
    with _opened(file, key) as (_, shape, _, dtype):
        return shape, dtype


def blocks_of(file: Path, key: str | None) -> Iterator[np.ndarray]:
    """Yields some rows of an array at a time, so that memory grows neither with their number nor with their size.

    Raises:
        ValueError: as `header_of` does.
    """
    if key and _is_hdf5(file):
        import h5py

        with _hdf5_errors(file), h5py.File(file) as opened:
            array = opened[key]
            rows = rows_of_a_block(array.shape[1:], array.dtype)
            for start in range(0, len(array), rows):
                yield array[start : start + rows]
        return
    with _opened(file, key) as (stream, shape, fortran, dtype):
        rows = rows_of_a_block(shape[1:], dtype)
        if fortran:  # its first row ends at its last byte
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(stream, copy)
                whole = np.memmap(copy, dtype, "r", shape=shape, order="F")
                for start in range(0, shape[0], rows):
                    yield np.ascontiguousarray(whole[start : start + rows])
            return
        for start in range(0, shape[0], rows):
            wanted = (min(rows, shape[0] - start), *shape[1:])
            size = math.prod(wanted) * dtype.itemsize
            content = stream.read(size)
            if len(content) != size:
                raise ValueError("it is cut off")
            yield np.frombuffer(content, dtype).reshape(wanted)


def whole(file: Path, key: str) -> np.ndarray:
    """Returns an array of at most 1 GB.

    Raises:
        ValueError: as `header_of` does, or if it is larger.
    """
    if _is_hdf5(file):
        import h5py

        with _hdf5_errors(file), h5py.File(file) as opened:
            _check_whole(opened[key].shape or (), opened[key].dtype)
            return opened[key][()]
    with _opened(file, key) as (stream, shape, fortran, dtype):
        size = _check_whole(shape, dtype)
        content = stream.read(size)
        if len(content) != size:
            raise ValueError("it is cut off")
        return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def mapped(file: Path, key: str | None) -> np.ndarray | None:
    """Returns an array of uint8 that is mapped into memory.

    Returns:
        None if it cannot be mapped: it is compressed, incomplete, of another dtype, in Fortran order, or HDF5.
    """
    if key and _is_hdf5(file):
        return None
    with _opened(file, key) as (_, shape, fortran, dtype):
        pass
    with _zip_errors(file, key):
        offset = None if fortran or dtype != np.uint8 else _offset(file, key)
    return None if offset is None else np.memmap(file, np.uint8, "r", offset, shape).view(np.ndarray)


def _is_hdf5(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(8) == b"\x89HDF\r\n\x1a\n"


@contextlib.contextmanager
def _hdf5_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # h5py raises anything for damaged files
        raise ValueError(f"Expected an HDF5 file that can be read. Received: {file}: {error}") from None


@contextlib.contextmanager
def _zip_errors(file: Path, key: str | None) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # zipfile, its decompressors and NumPy raise anything for damaged files
        if isinstance(error, OSError) and error.errno:
            raise
        raise ValueError(
            f"Expected an array of numbers. Received: {key or 'the array'} in {file}: {error or type(error).__name__}"
        ) from None


@contextlib.contextmanager
def _opened(file: Path, key: str | None) -> Iterator[tuple[IO[bytes], tuple[int, ...], bool, np.dtype]]:
    """Opens an array. Yields the stream after its header, the shape, whether it is in Fortran order, and the dtype."""
    with _zip_errors(file, key), contextlib.ExitStack() as stack:
        if key:
            archive = stack.enter_context(zipfile.ZipFile(file))
            stream = stack.enter_context(archive.open(f"{key}.npy"))
        else:
            stream = stack.enter_context(file.open("rb"))
        shape, fortran, dtype = _header(stream)
        yield stream, shape, fortran, dtype


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError("it has Python objects, which are not read")
    _check_size(shape, dtype)
    return shape, fortran, dtype


def _check_size(shape: tuple[int, ...], dtype: np.dtype, chunk: tuple[int, ...] | None = None) -> None:
    """Checks what a file claims, before memory is taken for it."""
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    if math.prod(shape[1:]) * dtype.itemsize > _LARGEST_ROW:
        raise ValueError(f"a row of shape {shape[1:]} has more than {_LARGEST_ROW:,} bytes")
    if chunk and math.prod(chunk) * dtype.itemsize > _MOST_BYTES:
        raise ValueError(f"a chunk of shape {chunk} has more than {_MOST_BYTES:,} bytes")


def _check_whole(shape: tuple[int, ...], dtype: np.dtype) -> int:
    size = math.prod(shape) * dtype.itemsize
    if size > _MOST_BYTES:
        raise ValueError(f"its {size:,} bytes are more than {_MOST_BYTES:,}")
    return size


def _offset(file: Path, key: str | None) -> int | None:
    """Returns the offset of an array's values in the file, or None if they are compressed or incomplete."""
    with file.open("rb") as stream:
        if key:
            with zipfile.ZipFile(file) as archive:
                member = archive.getinfo(f"{key}.npy")
            if member.compress_type != zipfile.ZIP_STORED:
                return None
            stream.seek(member.header_offset + 26)
            lengths = np.frombuffer(stream.read(4), "<u2")
            stream.seek(member.header_offset + 30 + int(lengths.sum()))
        shape, _, dtype = _header(stream)
        start = stream.tell()
        return start if os.fstat(stream.fileno()).st_size >= start + math.prod(shape) * dtype.itemsize else None
