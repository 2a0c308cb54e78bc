"""The cache of images: a folder for each entry, written whole, checked on every read, and read as a memory map."""

import contextlib
import hashlib
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from tfvae.data.filling import abandon, filled_whole, remove_abandoned
from tfvae.data.images import Images
from tfvae.data.packed import PackedImages
from tfvae.files.state import read_object

_DIGESTS = "digests.json"
_IMAGES, _IMAGE_SHAPE, _TABLE = "images.npy", "image_shape.npy", "table.npy"


@dataclass(frozen=True)
class Cached:
    """The content of an entry of the cache.

    Args:
        images: uint8 [N, H, W, C] in 0 .. 255, or another array that images are computed from.
        table: numbers [N, K], a row for each image, or None.
        digest: the SHA-256 of the values of images.npy, without its header.
        file: the path of images.npy.
    """

    images: Images
    table: np.ndarray | None
    digest: str
    file: Path

    def file_digest(self) -> str:
        """Returns the SHA-256 of all of images.npy, with its header."""
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """Returns the folder that data sets are cached in: `cache`, else $TFVAE_CACHE, else the user's cache folder."""
    return Path(cache or os.environ.get("TFVAE_CACHE") or platformdirs.user_cache_dir("tfvae"))


def cached(path: Path, fill: Callable[[Path], None], *, digest: str | None = None) -> Cached:
    """Reads an entry of the cache. If it is missing or damaged, it is filled first.

    Args:
        path: the folder of the entry.
        fill: writes images.npy into the new folder that it is given. The images are uint8 [N, H, W, C]; or packed bits,
            uint8 [N, H W C / 8], with the integers H, W, C in image_shape.npy; or another array that images are
            computed from. It may also write table.npy. If it fails, nothing is left. If two processes fill an entry at
            once, the first to finish wins. What a killed process left is removed.
        digest: the SHA-256 that the values of images.npy must have, if it is known.

    Raises:
        OSError: naming the folder of the cache, if it cannot be written to, or the disk is full.
        RuntimeError: if the images that were written have another digest. They are not kept.
    """
    digests = _checked_digests(path, digest)
    remove_abandoned(path.parent)
    if digests is None:
        if os.path.lexists(path):
            warnings.warn(f"{path} is damaged and is made again.", stacklevel=3)
            _remove(path)
        digests = _filled(path, fill, digest)
    images: Images
    if _IMAGE_SHAPE in digests:
        height, width, channels = np.load(path / _IMAGE_SHAPE).tolist()
        images = PackedImages(path / _IMAGES, (height, width, channels))
    else:
        images = np.load(path / _IMAGES, mmap_mode="r").view(np.ndarray)
    table = np.load(path / _TABLE) if _TABLE in digests else None
    return Cached(images, table, digests[_IMAGES]["sha256"], path / _IMAGES)


def _filled(path: Path, fill: Callable[[Path], None], digest: str | None) -> dict[str, dict]:
    try:
        with filled_whole(path) as beside:
            fill(beside)
            digests = {file.name: _digest(file) for file in sorted(beside.glob("*.npy"))}
            received = digests[_IMAGES]["sha256"]
            if digest is not None and received != digest:
                raise RuntimeError(
                    f"Expected the images of {path.name} to have the SHA-256 {digest}. Received: {received}. "
                    f"Please report this with the version of NumPy ({np.__version__}) and the name of the processor."
                )
            (beside / _DIGESTS).write_text(json.dumps(digests, indent=2) + "\n", "utf-8")
    except OSError:
        others = _checked_digests(path, digest)
        if others is None:
            raise
        return others  # Another process has filled it in the meantime.
    return digests


def _checked_digests(path: Path, digest: str | None) -> dict[str, dict] | None:
    """Returns the digests that were recorded for an entry, or None if its files no longer have them."""
    try:
        digests = read_object(path / _DIGESTS, "digests")
        if digest not in (None, digests[_IMAGES]["sha256"]):
            return None
        whole = all(_digest(path / name) == recorded for name, recorded in digests.items())
    except (OSError, EOFError, KeyError, TypeError, ValueError):
        return None
    return digests if whole else None


def _digest(path: Path) -> dict:
    """Returns the shape, dtype and SHA-256 of the values of a .npy file.

    Raises:
        ValueError, EOFError: if it does not have the header of a .npy file.
    """
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return {"shape": list(shape), "dtype": dtype.str, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _remove(path: Path) -> None:
    aside = path.with_name(f".{path.name}.{uuid.uuid4().int}.tmp")
    abandon(path)
    with contextlib.suppress(FileNotFoundError):  # Another process may have removed it.
        path.rename(aside)
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)
