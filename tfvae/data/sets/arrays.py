"""A user's own images and factors in a .npz file, or images in a .npy file. The published dSprites can be read too."""

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from tfvae.data.arrangement import Reordered, arranged
from tfvae.data.cache import cache_folder, cached
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData, Images, check_range
from tfvae.data.packed import pack
from tfvae.data.rows import RowWriter
from tfvae.data.sets import dsprites

_BLOCK = 1024


def load(path: str | os.PathLike[str], *, cache: str | os.PathLike[str] | None = None) -> ImageData:
    """Reads arrays. Pickled objects are not read.

    Args:
        path: a .npz file with `images`, and perhaps `factors`, numbers [N, K], and `factor_names`, K strings; or a .npy
            file of images; or the published dSprites (`imgs`, `latents_values`). Images are [N, H, W, C] or [N, H, W]:
            uint8 in 0 .. 255, bool, or floats x in [0, 1], which become uint8 by round(255 x). If all values are 0 and
            1, they are taken as black and white.
        cache: the folder to cache images in that cannot be mapped into memory as they are (compressed, floats, or 0 and
            1); by default $TFVAE_CACHE, else the user's cache folder.

    Returns:
        `ImageData`; or, if there are factors, `GroundTruthData`: with a `FactorSpace`, in its order, if each
        combination of their values has one image, else with a `FactorTable`, in the order of the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file has another format, or an array is missing, out of range, or has another shape.
        OSError: if the disk of the cache is full.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"Expected a .npz or .npy file. Received: no file at {os.fspath(path)!r}")
    keys = _keys(file)
    key = next((key for key in ("images", "imgs") if key in keys), None)
    if keys and key is None:
        raise ValueError(f"Expected an array 'images' in {file}. Received: {sorted(keys)}")
    images, digest = _images(file, key, cache)
    name = f"npz:{os.fspath(path)}"
    table, names = _factors(file, keys)
    if table is None:
        return ImageData(name, images, digest=digest)
    if len(table) != images.shape[0]:
        raise ValueError(
            f"Expected a row of factors for each of {images.shape[0]} images. Received: {len(table)} rows in {file}"
        )
    factors, order = arranged(names, table)
    if not np.array_equal(order, np.arange(len(order))):
        # The known digest is that of the images in the order of the file.
        images, digest = Reordered(images, order), None
    return GroundTruthData(name, factors, images, digest=digest)


def _images(file: Path, key: str | None, cache: str | os.PathLike[str] | None) -> tuple[Images, str | None]:
    with _opened(file, key) as (_, shape, fortran, dtype):
        pass
    if len(shape) not in (3, 4) or 0 in shape:
        raise ValueError(f"Expected images [N, H, W, C] or [N, H, W], none of them 0. Received: {shape} in {file}")
    if dtype != np.uint8 and dtype.kind not in "fb":
        raise ValueError(
            f"Expected images of dtype uint8, bool or float. Received: {dtype} in {file}; "
            f"numbers in 0 .. 255 become uint8 by images.astype(np.uint8)"
        )
    height, width, channels = (*shape[1:], 1) if len(shape) == 3 else shape[1:]
    image_shape = (height, width, channels)
    offset = None if fortran or dtype != np.uint8 else _offset(file, key)
    if offset is not None:
        mapped = np.memmap(file, np.uint8, "r", offset, shape).view(np.ndarray)
        if any(mapped[start : start + _BLOCK].max() > 1 for start in range(0, len(mapped), _BLOCK)):
            return mapped.reshape(shape[0], *image_shape), None
    status = file.stat()
    what = repr((1, str(file.resolve()), key, status.st_size, status.st_mtime_ns))
    folder = cache_folder(cache) / f"npz-{hashlib.sha256(what.encode('utf-8', 'replace')).hexdigest()[:16]}"
    images = cached(folder, partial(_fill, file, key, image_shape=image_shape))
    return images.images, images.digest


def _fill(file: Path, key: str | None, folder: Path, *, image_shape: tuple[int, int, int]) -> None:
    """Writes images as uint8, or as bits if they are black and white, into an entry of the cache."""
    count, two_valued, most = 0, True, 0.0
    for block in _blocks(file, key):
        check_range(block, f" in {file}")
        two_valued = two_valued and bool(((block == 0) | (block == 1)).all())
        count, most = count + len(block), max(most, float(block.max()))
    scale = 1 if most > 1 else 255
    packed = two_valued and int(np.prod(image_shape)) % 8 == 0
    row_shape = (int(np.prod(image_shape)) // 8,) if packed else image_shape
    with RowWriter(folder / "images.npy", row_shape, count) as writer:
        for block in _blocks(file, key):
            if packed:
                writer.write(pack(block.astype(bool)))
            else:
                writer.write(np.round(block.astype(np.float32) * scale).astype(np.uint8))
    if packed:
        np.save(folder / "image_shape.npy", np.array(image_shape))


def _factors(file: Path, keys: set[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if "factors" not in keys:
        if {"imgs", "latents_values"} <= keys:
            return _whole(file, "latents_values"), dsprites.FACTORS.names
        return None, ()
    table = _whole(file, "factors")
    if table.ndim != 2:
        raise ValueError(f"Expected factors of shape [N, K]. Received: shape={table.shape} in {file}")
    if "factor_names" not in keys:
        return table, tuple(f"factor_{k}" for k in range(table.shape[1]))
    names = _whole(file, "factor_names")
    if names.dtype.kind not in "US" or names.shape != table.shape[1:]:
        raise ValueError(
            f"Expected factor_names to be {table.shape[1]} strings. Received: {names.dtype} {names.shape} in {file}"
        )
    return table, tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist())


def _keys(file: Path) -> set[str]:
    """Returns the names of the arrays in a .npz file, none for a .npy file."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
    with file.open("rb") as stream:
        if stream.read(6) != b"\x93NUMPY":
            raise ValueError(f"Expected a .npz or .npy file. Received: {file}, which is neither, or is cut off")
    return set()


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


def _blocks(file: Path, key: str | None) -> Iterator[np.ndarray]:
    """Yields 1024 images at a time, [n, H, W] or [n, H, W, C], so that memory does not grow with their number."""
    with _opened(file, key) as (stream, shape, fortran, dtype):
        if fortran:
            whole = np.frombuffer(stream.read(), dtype).reshape(shape, order="F")
        for start in range(0, shape[0], _BLOCK):
            if fortran:
                yield whole[start : start + _BLOCK]
                continue
            wanted = (min(_BLOCK, shape[0] - start), *shape[1:])
            size = int(np.prod(wanted)) * dtype.itemsize
            content = stream.read(size)
            if len(content) != size:
                raise ValueError("it is cut off")
            yield np.frombuffer(content, dtype).reshape(wanted)


def _whole(file: Path, key: str) -> np.ndarray:
    with _opened(file, key) as (stream, shape, fortran, dtype):
        content = np.frombuffer(stream.read(), dtype)
        if content.size != int(np.prod(shape)):
            raise ValueError("it is cut off")
        return content.reshape(shape, order="F" if fortran else "C")


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
