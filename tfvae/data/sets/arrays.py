"""Images, and perhaps factors, in a .npz, .npy or HDF5 file: a user's own, or one of the published files."""

import hashlib
import os
from functools import partial
from pathlib import Path

import numpy as np

from tfvae.data.arrangement import Reordered
from tfvae.data.cache import cache_folder, cached
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData, Images, check_range, rows_of_a_block, stored
from tfvae.data.packed import pack
from tfvae.data.rows import RowWriter
from tfvae.data.sets.array_files import blocks_of, header_of, keys_of, mapped
from tfvae.data.sets.array_layouts import find_factors, images_key


def load(
    path: str | os.PathLike[str], *, factors: bool = True, cache: str | os.PathLike[str] | None = None
) -> ImageData:
    """Reads arrays. Pickled objects are not read.

    Args:
        path: a .npz or HDF5 file with `images` or `vectors`, and perhaps `factors`, numbers [N, K], and `factor_names`,
            K strings, or `labels`, [N] or [N, K]; or a .npy file of images or vectors; or the published file of
            dSprites, MPI3D, 3D Shapes (HDF5), of Keras's MNIST or of MedMNIST, of which the training set is read (see
            `array_layouts.find_factors`). Images are [N, H, W, C] or [N, H, W]: uint8 in 0 .. 255, bool, or floats x in
            [0, 1], which become uint8 by round(255 x). If all values are 0 and 1, they are taken as black and white.
            Vectors are a table of floats [N, F], finite, which is read into memory.
        factors: whether to read the factors; "npz:PATH?factors=false" reads the images alone. What factors are taken
            for can be overruled by names: "npz:PATH?continuous=age&discrete=make" (see `data.load`).
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
        raise FileNotFoundError(f"Expected a .npz, .npy or HDF5 file. Received: no file at {os.fspath(path)!r}")
    keys = keys_of(file)
    key = images_key(keys)
    if keys and key is None:
        raise ValueError(f"Expected an array 'images' or 'vectors' in {file}. Received: {sorted(keys)}")
    shape, _ = header_of(file, key)
    images, digest = (_vectors(file, key), None) if len(shape) == 2 else _images(file, key, cache)
    name = f"npz:{os.fspath(path)}"
    found = find_factors(file, keys, images.shape[0]) if factors else None
    if found is None:
        return ImageData(name, images, digest=digest)
    space, order = found
    if not np.array_equal(order, np.arange(len(order))):
        # The known digest is that of the images in the order of the file.
        images, digest = Reordered(images, order), None
    return GroundTruthData(name, space, images, digest=digest)


def _vectors(file: Path, key: str | None) -> np.ndarray:
    if 0 in header_of(file, key)[0]:
        raise ValueError(f"Expected vectors [N, F], none of them 0. Received: {header_of(file, key)[0]} in {file}")
    try:
        return stored(np.concatenate(list(blocks_of(file, key))))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None


def _images(file: Path, key: str | None, cache: str | os.PathLike[str] | None) -> tuple[Images, str | None]:
    shape, dtype = header_of(file, key)
    if len(shape) not in (3, 4) or 0 in shape:
        raise ValueError(
            f"Expected images [N, H, W, C] or [N, H, W], or vectors [N, F], none of them 0. Received: {shape} in {file}"
        )
    if dtype != np.uint8 and dtype.kind not in "fb":
        raise ValueError(
            f"Expected images of dtype uint8, bool or float. Received: {dtype} in {file}; "
            f"numbers in 0 .. 255 become uint8 by images.astype(np.uint8)"
        )
    height, width, channels = (*shape[1:], 1) if len(shape) == 3 else shape[1:]
    image_shape = (height, width, channels)
    values = mapped(file, key)
    rows = rows_of_a_block(shape[1:])
    if values is not None and any(values[start : start + rows].max() > 1 for start in range(0, len(values), rows)):
        return values.reshape(shape[0], *image_shape), None
    status = file.stat()
    what = repr((1, str(file.resolve()), key, status.st_size, status.st_mtime_ns))
    folder = cache_folder(cache) / f"npz-{hashlib.sha256(what.encode('utf-8', 'replace')).hexdigest()[:16]}"
    images = cached(folder, partial(_fill, file, key, image_shape=image_shape))
    return images.images, images.digest


def _fill(file: Path, key: str | None, folder: Path, *, image_shape: tuple[int, int, int]) -> None:
    """Writes images as uint8, or as bits if they are black and white, into an entry of the cache."""
    count, two_valued, most = 0, True, 0.0
    for block in blocks_of(file, key):
        check_range(block, f" in {file}")
        two_valued = two_valued and bool(((block == 0) | (block == 1)).all())
        count, most = count + len(block), max(most, float(block.max()))
    scale = 1 if most > 1 else 255
    packed = two_valued and int(np.prod(image_shape)) % 8 == 0
    row_shape = (int(np.prod(image_shape)) // 8,) if packed else image_shape
    with RowWriter(folder / "images.npy", row_shape, count) as writer:
        for block in blocks_of(file, key):
            if packed:
                writer.write(pack(block.astype(bool)))
            else:
                writer.write(np.round(block.astype(np.float32) * scale).astype(np.uint8))
    if packed:
        np.save(folder / "image_shape.npy", np.array(image_shape))
