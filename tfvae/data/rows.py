"""Writes .npy files by rows, in memory that does not grow with their number."""

import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import DTypeLike

from tfvae.data.images import rows_of_a_block


class RowWriter:
    """Writes the rows of a .npy file, either in order or each at its place.

    Args:
        path: the new file.
        row_shape: the shape of a row.
        rows: the number of rows; or the largest possible number, if they are written in order.
        dtype: of the file.

    Raises:
        OSError: if the disk has no room for them.
        ValueError: at the end, if fewer rows were written at their places.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], rows: int, dtype: DTypeLike = np.uint8) -> None:
        self.path, self.row_shape, self.rows, self.dtype = path, tuple(row_shape), rows, np.dtype(dtype)
        self._row_bytes = int(np.prod(row_shape)) * self.dtype.itemsize
        self._bytes = len(self._header(rows)) + rows * self._row_bytes
        self._written = 0
        self._placed = False
        if shutil.disk_usage(path.parent).free < self._bytes:
            raise self._no_room()
        self._file = path.open("xb", buffering=0)
        self._file.write(self._header(rows))

    def write(self, rows: np.ndarray, places: np.ndarray | None = None) -> None:
        """Writes rows [n, *row_shape] after the last one, or at `places`, int [n]."""
        rows = np.ascontiguousarray(rows, self.dtype).reshape(len(rows), *self.row_shape)
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
                raise self._no_room() from error
            raise
        self._written += len(rows)

    def _write(self, rows: np.ndarray) -> None:
        left = rows.data.cast("B")
        while left:  # An unbuffered file may accept only a part.
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
        # NumPy pads headers so that the first axis can grow: they have the same length for any number of rows.
        header = io.BytesIO()
        description = {"descr": self.dtype.str, "fortran_order": False, "shape": (rows, *self.row_shape)}
        np.lib.format.write_array_header_1_0(header, description)
        return header.getvalue()

    def _no_room(self) -> OSError:
        return OSError(
            errno.ENOSPC,
            f"Expected {self._bytes:,} bytes free for {self.path.name}; choose another folder by cache=... or the "
            f"environment variable TFVAE_CACHE. Received: {shutil.disk_usage(self.path.parent).free:,} bytes free",
            str(self.path.parent),
        )


def rewrite(path: Path, row_shape: tuple[int, ...], convert: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replaces the rows of a .npy file of uint8 by the result of `convert`, in blocks."""
    rows = np.load(path, mmap_mode="r")
    converted, at_once = path.with_name(f"{path.stem}.new.npy"), rows_of_a_block(rows.shape[1:])
    with RowWriter(converted, row_shape, len(rows)) as writer:
        for start in range(0, len(rows), at_once):
            writer.write(convert(np.asarray(rows[start : start + at_once])))
    del rows  # Windows cannot replace a file that is mapped.
    converted.replace(path)
