"""The shape of a morphable face model, from a file of eos: https://github.com/patrikhuber/eos (Apache-2.0).

The file is little-endian: a version (int32), then three matrices, each as rows (int32), columns (int32) and float32
values by columns: the mean [3 V, 1], the orthonormal basis [3 V, K] and the eigenvalues [K, 1]; then the number of
triangles (uint64) and their corners, int32 [T, 3]. The rest of the file is not read.
"""

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SOURCE = "share/sfm_shape_3448.bin of https://github.com/patrikhuber/eos (the Surrey Face Model, Apache-2.0)"


@dataclass(frozen=True)
class MorphableModel:
    """Faces = mean + sum over k of coefficient_k deviation_k, with standard normal coefficients.

    Args:
        mean: float64 [V, 3].
        deviations: float64 [V, 3, K], in lengths of one standard deviation.
        triangles: int64 [T, 3], counter-clockwise as seen from outside.
        digest: the SHA-256 of the file, in hexadecimal digits.
    """

    mean: np.ndarray
    deviations: np.ndarray
    triangles: np.ndarray
    digest: str


def read_model(path: str | os.PathLike[str]) -> MorphableModel:
    """Reads a morphable model.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is cut off, or has another format.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"Expected a face model, {SOURCE}. Received: no file at {os.fspath(path)!r}")
    content = Path(path).read_bytes()
    try:
        mean, deviations, triangles = _parse(content)
    except (ValueError, struct.error) as error:
        raise ValueError(
            f"Expected a face model, {SOURCE}. Received: {os.fspath(path)!r} with {len(content)} bytes: {error}"
        ) from None
    return MorphableModel(mean, deviations, triangles, hashlib.sha256(content).hexdigest())


def _parse(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    place = 4

    def take(dtype: str, count: int) -> np.ndarray:
        nonlocal place
        if count < 1 or count * np.dtype(dtype).itemsize > len(content) - place:
            raise ValueError("it is cut off, or has another format")
        array = np.frombuffer(content, dtype, count, place)
        place += array.nbytes
        return array

    def matrix() -> np.ndarray:
        rows, columns = (int(n) for n in take("<i4", 2))
        if rows < 1 or columns < 1:
            raise ValueError("it has another format")
        values = take("<f4", rows * columns).astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError("it has values that are not finite")
        return values.reshape(columns, rows).T

    mean, basis, eigenvalues = matrix(), matrix(), matrix()
    vertices, components = len(mean) // 3, basis.shape[1]
    triangles = take("<i4", 3 * int(take("<u8", 1)[0])).reshape(-1, 3).astype(np.int64)
    fits = mean.shape == (3 * vertices, 1) and basis.shape == (3 * vertices, components)
    if not (fits and eigenvalues.shape == (components, 1) and (eigenvalues >= 0).all()):
        raise ValueError(f"its matrices are {mean.shape}, {basis.shape} and {eigenvalues.shape}")
    if triangles.min() < 0 or triangles.max() >= vertices:
        raise ValueError(f"its triangles have corners beyond the {vertices} vertices")
    deviations = (basis * np.sqrt(eigenvalues[:, 0])).reshape(vertices, 3, components)
    return mean.reshape(vertices, 3), deviations, triangles
