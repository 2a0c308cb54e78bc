"""Arrays in .npz, .npy and HDF5 files, read in blocks. Pickled objects are not read."""

import contextlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

BLOCK = 1024


def keys_of(file: Path) -> set[str]:
    """Returns the names of the arrays in a .npz or HDF5 file, none for a .npy file.

    Raises:
        ValueError: if the file has another format.
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
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
            return opened[key].shape, opened[key].dtype
    with _opened(file, key) as (_, shape, _, dtype):
        return shape, dtype


def blocks_of(file: Path, key: str | None) -> Iterator[np.ndarray]:
    """Yields 1024 rows of an array at a time, so that memory does not grow with their number.

    Raises:
        ValueError: as `header_of` does.
    """
    if key and _is_hdf5(file):
        import h5py

        with _hdf5_errors(file), h5py.File(file) as opened:
            for start in range(0, len(opened[key]), BLOCK):
                yield opened[key][start : start + BLOCK]
        return
    with _opened(file, key) as (stream, shape, fortran, dtype):
        if fortran:
            whole = np.frombuffer(stream.read(), dtype).reshape(shape, order="F")
        for start in range(0, shape[0], BLOCK):
            if fortran:
                yield whole[start : start + BLOCK]
                continue
            wanted = (min(BLOCK, shape[0] - start), *shape[1:])
            size = int(np.prod(wanted)) * dtype.itemsize
            content = stream.read(size)
            if len(content) != size:
                raise ValueError("it is cut off")
            yield np.frombuffer(content, dtype).reshape(wanted)


def whole(file: Path, key: str) -> np.ndarray:
    """Returns an array that fits into memory.

    Raises:
        ValueError: as `header_of` does.
    """
    if _is_hdf5(file):
        import h5py

        with _hdf5_errors(file), h5py.File(file) as opened:
            return opened[key][()]
    with _opened(file, key) as (stream, shape, fortran, dtype):
        content = np.frombuffer(stream.read(), dtype)
        if content.size != int(np.prod(shape)):
            raise ValueError("it is cut off")
        return content.reshape(shape, order="F" if fortran else "C")


def mapped(file: Path, key: str | None) -> np.ndarray | None:
    """Returns an array of uint8 that is mapped into memory.

    Returns:
        None if it cannot be mapped: it is compressed, incomplete, of another dtype, in Fortran order, or HDF5.
    """
    if key and _is_hdf5(file):
        return None
    with _opened(file, key) as (_, shape, fortran, dtype):
        pass
    offset = None if fortran or dtype != np.uint8 else _offset(file, key)
    return None if offset is None else np.memmap(file, np.uint8, "r", offset, shape).view(np.ndarray)


def _is_hdf5(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(8) == b"\x89HDF\r\n\x1a\n"


@contextlib.contextmanager
def _hdf5_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"Expected an HDF5 file that can be read. Received: {file}: {error}") from None


@contextlib.contextmanager
def _opened(file: Path, key: str | None) -> Iterator[tuple[IO[bytes], tuple[int, ...], bool, np.dtype]]:
    """Opens an array. Yields the stream after its header, the shape, whether it is in Fortran order, and the dtype."""
    try:
        with contextlib.ExitStack() as stack:
            if key:
                archive = stack.enter_context(zipfile.ZipFile(file))
                stream = stack.enter_context(archive.open(f"{key}.npy"))
            else:
                stream = stack.enter_context(file.open("rb"))
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(stream)
            if dtype.hasobject:
                raise ValueError("it has Python objects, which are not read")
            yield stream, shape, fortran, dtype
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"Expected an array of numbers. Received: {key or 'the array'} in {file}: {error}") from None


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
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        start = stream.tell()
        return start if os.fstat(stream.fileno()).st_size >= start + int(np.prod(shape)) * dtype.itemsize else None
