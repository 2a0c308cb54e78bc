"""MNIST, Fashion-MNIST and similar data: from four IDX files, perhaps compressed, or one .npz file as in Keras."""

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np

_SPLITS = {"train": ("train", "train"), "test": ("t10k", "test")}  # names in IDX files and in .npz files


def read(source: str | os.PathLike[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads the images and labels of both splits.

    Args:
        source: a .npz file with x_train, y_train, x_test and y_test; or a folder with one such file, or with
            train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each
            with or without the suffix .gz.

    Returns:
        For "train" and "test": images uint8 [N, H, W, 1], and labels in 0 .. 9, int64 [N].

    Raises:
        FileNotFoundError: if there are no such files.
        ValueError: if a file is broken, or images and labels do not match.
    """
    path = Path(source)
    archives = sorted(path.glob("*.npz")) if path.is_dir() else [path] if path.suffix == ".npz" else []
    found = _read_npz(archives[0]) if len(archives) == 1 and archives[0].is_file() else _read_folder(path)
    return {split: _checked(split, *arrays) for split, arrays in found.items()}


def _read_npz(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {split: (arrays[f"x_{name}"], arrays[f"y_{name}"]) for split, (_, name) in _SPLITS.items()}
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"Expected x_train, y_train, x_test and y_test. Received: {path}: {error}") from None


def _read_folder(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {
        split: (_read_idx(folder, f"{name}-images", 3), _read_idx(folder, f"{name}-labels", 1))
        for split, (name, _) in _SPLITS.items()
    }


def _read_idx(folder: Path, name: str, dimensions: int) -> np.ndarray:
    """Reads unsigned bytes: 0 0 8 dimensions, the shape as big-endian 32-bit integers, and the values."""
    candidates = [f"{name}{dot}idx{dimensions}-ubyte{end}" for dot in "-." for end in ("", ".gz")]
    path = next((folder / candidate for candidate in candidates if (folder / candidate).is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f"Expected {candidates[0]}, with or without the suffix .gz, or one .npz file. Received: neither in {folder}"
        )
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise ValueError(f"Expected a gzip file. Received: {path}: {error}") from None
    start = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:start], ">u4").astype(int) if len(content) >= start else np.zeros(0, int)
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) != start + shape.prod():
        raise ValueError(
            f"Expected a complete IDX file of unsigned bytes with {dimensions} dimensions. Received: {path}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _checked(split: str, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if (
        images.ndim != 3
        or images.dtype != np.uint8
        or labels.shape != images.shape[:1]
        or labels.dtype.kind not in "iu"
    ):
        raise ValueError(
            f"Expected uint8 images [N, H, W] and integer labels [N] in the split {split!r}. "
            f"Received: {images.dtype} {images.shape} and {labels.dtype} {labels.shape}"
        )
    if len(labels) == 0 or labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"Expected labels in 0 .. 9 in the split {split!r}. Received: {np.unique(labels)[:20]}")
    return images[..., np.newaxis], labels.astype(np.int64)
