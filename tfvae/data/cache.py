"""Images in a folder of the cache: written whole, checked whenever they are read, and read as a memory map."""

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from tfvae.data.images import Images
from tfvae.data.packed import PackedImages

_DIGESTS = "digests.json"


@dataclass(frozen=True)
class Cached:
    """What a folder of the cache holds.

    Args:
        images: uint8 [N, H, W, C] in 0 .. 255.
        table: what is known of each image, [N, K], or None.
        digest: the SHA-256 of the file of images, without its header.
    """

    images: Images
    table: np.ndarray | None
    digest: str


def cached(path: Path, fill: Callable[[Path], None]) -> Cached:
    """Reads a folder of the cache, and has it filled first where it is missing or damaged.

    Args:
        path: the folder.
        fill: writes into a new folder: images.npy (uint8 [N, H, W, C]; or packed bits, uint8 [N, H W C / 8], and the
            integers H, W, C as image_shape.npy) and perhaps table.npy. When it fails, nothing is left. Two processes
            may fill one folder at once: the first to finish is kept.

    Raises:
        OSError: if the folder cannot be written to, or has no room.
    """
    digests = _checked_digests(path) if path.exists() else None
    if digests is None:
        if path.exists():
            warnings.warn(f"{path} is damaged and is made again.", stacklevel=3)
            _remove(path)
        digests = _filled(path, fill)
    arrays = {name: path / name for name in digests}
    images: Images
    if "image_shape.npy" in arrays:
        height, width, channels = np.load(arrays["image_shape.npy"]).tolist()
        images = PackedImages(arrays["images.npy"], (height, width, channels))
    else:
        images = np.load(arrays["images.npy"], mmap_mode="r").view(np.ndarray)
    table = np.load(arrays["table.npy"]) if "table.npy" in arrays else None
    return Cached(images, table, digests["images.npy"]["sha256"])


class RowWriter:
    """Writes the rows of a .npy file of uint8, one after the other or at their places, in memory that does not grow.

    Args:
        path: the new file.
        row_shape: the shape of a row.
        rows: how many there will be; or, when they are written one after the other, how many at most.

    Raises:
        OSError: if the disk has no room for them.
        ValueError: at the end, if fewer rows were written at their places.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], rows: int) -> None:
        self.path, self.row_shape, self.rows = path, tuple(row_shape), rows
        self._row_bytes = int(np.prod(row_shape))
        self._bytes = len(self._header(rows)) + rows * self._row_bytes
        self._written = 0
        self._placed = False
        if shutil.disk_usage(path.parent).free < self._bytes:
            raise no_room(path, self._bytes)
        self._file = path.open("xb", buffering=0)
        self._file.write(self._header(rows))

    def write(self, rows: np.ndarray, places: np.ndarray | None = None) -> None:
        """Writes rows, uint8 [n, *row_shape], after the last one, or at `places`, int [n]."""
        rows = np.ascontiguousarray(rows, np.uint8).reshape(len(rows), self._row_bytes)
        try:
            if places is None:
                self._write(rows)
            else:
                self._placed = True
                for row, place in zip(rows, places.tolist(), strict=True):
                    self._file.seek(len(self._header(self.rows)) + place * self._row_bytes)
                    self._write(row)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise no_room(self.path, self._bytes) from error
            raise
        self._written += len(rows)

    def _write(self, rows: np.ndarray) -> None:
        left = rows.data.cast("B")
        while left:  # A file without a buffer may take a part only.
            left = left[self._file.write(left) :]

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                if self._placed and self._written != self.rows:
                    raise ValueError(f"Expected {self.rows} rows. Received: {self._written} rows")
                self._file.seek(0)
                self._file.write(self._header(self._written))
                os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def _header(self, rows: int) -> bytes:
        # NumPy pads headers so that the first axis can grow: they have one length for any number of rows.
        header = io.BytesIO()
        description = {"descr": "|u1", "fortran_order": False, "shape": (rows, *self.row_shape)}
        np.lib.format.write_array_header_1_0(header, description)
        return header.getvalue()


def rewrite(path: Path, row_shape: tuple[int, ...], convert: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replaces the rows of a .npy file by what `convert` makes of them, 1024 at a time."""
    rows = np.load(path, mmap_mode="r")
    beside = path.with_name(f"{path.stem}.new.npy")
    with RowWriter(beside, row_shape, len(rows)) as writer:
        for start in range(0, len(rows), 1024):
            writer.write(convert(np.asarray(rows[start : start + 1024])))
    del rows  # Windows does not replace a file that is mapped.
    beside.replace(path)


def no_room(path: Path, size: int) -> OSError:
    """The error of a disk without room for a file of `size` bytes at `path`."""
    return OSError(
        errno.ENOSPC,
        f"Expected {size:,} bytes free for {path.name}; choose another folder by cache=... or the environment "
        f"variable TFVAE_CACHE. Received: {shutil.disk_usage(path.parent).free:,} bytes free",
        str(path.parent),
    )


def _filled(path: Path, fill: Callable[[Path], None]) -> dict[str, dict]:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    beside.mkdir()
    try:
        fill(beside)
        digests = {file.name: _digest(file) for file in sorted(beside.glob("*.npy"))}
        (beside / _DIGESTS).write_text(json.dumps(digests, indent=2) + "\n", "utf-8")
        try:
            beside.rename(path)
        except OSError:
            others = _checked_digests(path) if path.exists() else None
            if others is None:
                raise
            return others  # Another process has just filled it.
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return {name: digest for name, digest in digests.items() if digest is not None}


def _checked_digests(path: Path) -> dict[str, dict] | None:
    """Returns what was recorded of the files of a folder, or None if they are no longer so."""
    try:
        digests = json.loads((path / _DIGESTS).read_text("utf-8"))
        whole = "images.npy" in digests and all(_digest(path / name) == value for name, value in digests.items())
    except (OSError, ValueError, TypeError):
        return None
    return digests if whole else None


def _digest(path: Path) -> dict | None:
    """Returns shape, dtype and SHA-256 of the values of a .npy file, or None if it is not whole."""
    with path.open("rb") as file:
        try:
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        except (ValueError, EOFError):
            return None
        if os.fstat(file.fileno()).st_size != file.tell() + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize:
            return None
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {"shape": list(shape), "dtype": dtype.str, "sha256": sha256}


def _remove(path: Path) -> None:
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with contextlib.suppress(FileNotFoundError):  # Another process may have removed it.
        path.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
