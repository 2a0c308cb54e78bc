"""smallNORB (LeCun et al., 2004): https://cs.nyu.edu/~ylclab/data/norb-v1.0-small.

Photographs of 50 toys, ten of each of five categories, from 9 elevations and 18 azimuths under 6 lights, by two
cameras: 48,600 pairs of 96 x 96 grey pixels. Half of the toys are in the files for training, the others in those for
testing.
"""

import gzip
import hashlib
import math
import os
import re
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from tfvae.data.arrangement import Reordered, arranged
from tfvae.data.cache import cache_folder, cached
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.pictures import fitted
from tfvae.data.rows import RowWriter
from tfvae.data.sets.folder import existing_folder, files_below

# Elevations from 30 to 70 and azimuths from 0 to 340 degrees.
FACTORS = FactorSpace(
    ("category", "instance", "elevation", "azimuth", "lighting"),
    (np.arange(5.0), np.arange(10.0), 30 + 5 * np.arange(9.0), 20 * np.arange(18.0), np.arange(6.0)),
)
_FILE = re.compile(r"smallnorb-.*-(training|testing)-(dat|cat|info)\.mat(\.gz)?")
_SPLITS = {"train": ("training",), "test": ("testing",), None: ("training", "testing")}
# The first number of a file says of which type the values are, all of them little-endian.
_TYPES: dict[int, np.dtype[Any]] = {0x1E3D4C55: np.dtype(np.uint8), 0x1E3D4C54: np.dtype("<i4")}
_ROWS: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
    "dat": (np.dtype(np.uint8), (2, 96, 96)),
    "cat": (np.dtype("<i4"), ()),
    "info": (np.dtype("<i4"), (4,)),
}
_BLOCK = 256


def load(
    path: str | os.PathLike[str],
    *,
    size: int = 64,
    split: str | None = None,
    camera: int = 0,
    cache: str | os.PathLike[str] | None = None,
) -> GroundTruthData:
    """Reads the files smallnorb-5x46789x9x18x6x2x96x96-training-dat.mat, -cat.mat and -info.mat, and those of testing.

    Args:
        path: the folder of the files, .mat or .mat.gz, or a folder above it.
        size: H = W of the images, at least 1.
        split: "train" or "test", whose toys differ; by default both.
        camera: 0 or 1; disentanglement_lib takes the first.
        cache: as `folder.load` takes it.

    Returns:
        Images uint8 [N, size, size, 1] by category 5, instance 10 (or 5 of one split), elevation 9 and azimuth 18 in
        degrees, and lighting 6.

    Raises:
        FileNotFoundError: if there is no such folder, or a file is missing.
        ValueError: if a file is damaged or has other contents, or an argument is out of range.
        OSError: if the disk of the cache is full.
    """
    if size < 1 or split not in _SPLITS or camera not in (0, 1):
        raise ValueError(
            f"Expected size >= 1, split 'train', 'test' or None, and camera 0 or 1. Received: size={size}, "
            f"split={split!r}, camera={camera!r}"
        )
    root = existing_folder(path)
    found = {match.group(1, 2): file for file in files_below(root) if (match := _FILE.fullmatch(file.name))}
    wanted = [(part, kind) for part in _SPLITS[split] for kind in _ROWS]
    if missing := [key for key in wanted if key not in found]:
        raise FileNotFoundError(
            f"Expected smallnorb-...-{'-'.join(missing[0])}.mat, perhaps with .gz. Received: no such file in {root}"
        )
    table = np.concatenate([_labels(found[part, "cat"], found[part, "info"]) for part in _SPLITS[split]])
    pictures = [found[part, "dat"] for part in _SPLITS[split]]
    status = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in pictures]
    key = hashlib.sha256(repr((1, str(root.resolve()), size, camera, status)).encode()).hexdigest()[:16]
    fill = partial(_fill, pictures, size=size, camera=camera, count=len(table))
    images = cached(cache_folder(cache) / f"smallnorb-{key}", fill)
    factors, order = arranged(FACTORS.names, table, [False] * len(FACTORS.names))
    return GroundTruthData(
        f"smallnorb:{os.fspath(path)}", factors, Reordered(images.images, order), digest=images.digest
    )


def _labels(category: Path, info: Path) -> np.ndarray:
    """The values of the factors, float64 [N, 5]."""
    categories, others = (
        np.concatenate(list(_blocks(file, kind))) for file, kind in ((category, "cat"), (info, "info"))
    )
    if len(categories) != len(others):
        raise ValueError(
            f"Expected as many rows in {category} as in {info}. Received: {len(categories)}, {len(others)}"
        )
    table = np.column_stack([categories, others]) * [1.0, 1, 5, 10, 1] + [0, 0, 30, 0, 0]
    for name, column, values in zip(FACTORS.names, table.T, FACTORS.values, strict=True):
        if not np.isin(column, values).all():
            wrong = column[~np.isin(column, values)][0]
            raise ValueError(f"Expected {name} out of {values.tolist()}. Received: {wrong} in {info.parent}")
    return table


def _fill(files: list[Path], folder: Path, *, size: int, camera: int, count: int) -> None:
    with RowWriter(folder / "images.npy", (size, size, 1), count) as writer:
        written = 0
        for file in files:
            for block in _blocks(file, "dat"):
                written += len(block)
                if written <= count:
                    writer.write(np.stack([np.asarray(fitted(Image.fromarray(pair[camera]), size)) for pair in block]))
        if written != count:
            raise ValueError(f"Expected {count} pairs of images, as there are labels. Received: {written} in {files}")


def _blocks(file: Path, kind: str) -> Iterator[np.ndarray]:
    """Some rows at a time of a file in the format of NORB: type, number of axes, at least three sizes, values."""
    dtype, row = _ROWS[kind]
    with closing(_opened(file)) as stream:
        try:
            magic, axes = np.frombuffer(stream.read(8), "<i4").tolist()
            shape = tuple(np.frombuffer(stream.read(4 * max(3, min(axes, 8))), "<i4")[:axes].tolist())
            if _TYPES.get(magic) != dtype or shape[1:] != row or not shape or shape[0] < 1:
                raise ValueError(f"type {magic:#x}, shape {shape}")
            for start in range(0, shape[0], _BLOCK):
                rows = (min(_BLOCK, shape[0] - start), *row)
                content = stream.read(math.prod(rows) * dtype.itemsize)
                yield np.frombuffer(content, dtype).reshape(rows)
        except (ValueError, EOFError, gzip.BadGzipFile, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise ValueError(
                f"Expected a file of smallNORB: {dtype.name} of shape {('N', *row)}. Received: {file}: {error}"
            ) from None


def _opened(file: Path) -> IO[bytes]:
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]
