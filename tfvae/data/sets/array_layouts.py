"""Which arrays of a file are images and which are factors: our own names, and those of published files."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfvae.data.arrangement import arranged
from tfvae.data.factors import Factors, FactorSpace
from tfvae.data.sets import dsprites, shapes3d
from tfvae.data.sets.array_files import whole

# The names of images, and of the labels of the same images: those of Keras and MedMNIST are of the training set.
_LABELS = {
    "images": "labels",
    "vectors": "labels",
    "imgs": "labels",
    "x_train": "y_train",
    "train_images": "train_labels",
}
# MPI3D has no factors in its file: its images are a grid in this order. "Complex" is the set of four real objects.
MPI3D = (
    "object_color",
    "object_shape",
    "object_size",
    "camera_height",
    "background_color",
    "horizontal_axis",
    "vertical_axis",
)
MPI3D_SIZES = ((6, 6, 2, 3, 3, 40, 40), (4, 4, 2, 3, 3, 40, 40))


def images_key(keys: set[str]) -> str | None:
    """Returns the name of the images among the arrays of a file, None if none is known."""
    return next((key for key in _LABELS if key in keys), None)


def find_factors(file: Path, keys: set[str], images: int) -> tuple[Factors, np.ndarray] | None:
    """Returns the factors of the images in a file, and the order of the images by them, as `arranged` does.

    - `factors`, and perhaps `factor_names`;
    - of dSprites, `latents_values`, as classes if there are `latents_classes`, or these alone;
    - of 3D Shapes, `labels` of its six factors;
    - other `labels`, or Keras's `y_train` and MedMNIST's `train_labels`: one factor "label", or label_0, label_1, ...
      Whole numbers and strings are classes;
    - MPI3D's, which are not in the file, if there are exactly as many images.

    Args:
        file: the file.
        keys: the names of its arrays.
        images: the number of its images (N).

    Returns:
        None if there are no factors.

    Raises:
        ValueError: if they have another shape, or another number of rows than there are images.
    """
    found = _find(file, keys)
    if found is None:
        for sizes in MPI3D_SIZES:
            if math.prod(sizes) == images:
                return FactorSpace(MPI3D, tuple(np.arange(size) for size in sizes)), np.arange(images)
        return None
    if len(found.table) != images:
        raise ValueError(
            f"Expected a row of factors for each of {images} images; the option factors=false reads the images alone. "
            f"Received: {len(found.table)} rows in {file}"
        )
    return arranged(found.names, found.table, found.continuous)


@dataclass(frozen=True)
class _Found:
    """Factors in the order of a file: K names, numbers [N, K], and which are continuous, if the file says so."""

    names: tuple[str, ...]
    table: np.ndarray
    continuous: list[bool] | None = None


def _find(file: Path, keys: set[str]) -> _Found | None:
    if "factors" in keys:
        return _own(file, "factor_names" in keys)
    if latents := [key for key in ("latents_values", "latents_classes") if "imgs" in keys and key in keys]:
        names = dsprites.FACTORS.names
        return _Found(names, whole(file, latents[0]), [False] * len(names) if "latents_classes" in keys else None)
    labels = _LABELS[images_key(keys) or "images"]
    return _labels(file, labels) if labels in keys else None


def _own(file: Path, named: bool) -> _Found:
    table = whole(file, "factors")
    if table.ndim != 2:
        raise ValueError(f"Expected factors of shape [N, K]. Received: shape={table.shape} in {file}")
    if not named:
        return _Found(tuple(f"factor_{k}" for k in range(table.shape[1])), table)
    names = whole(file, "factor_names")
    if names.dtype.kind not in "USO" or names.shape != table.shape[1:]:
        raise ValueError(
            f"Expected factor_names to be {table.shape[1]} strings. Received: {names.dtype} {names.shape} in {file}"
        )
    return _Found(tuple(n.decode() if isinstance(n, bytes) else str(n) for n in names.tolist()), table)


def _labels(file: Path, key: str) -> _Found:
    labels = whole(file, key)
    table = labels[:, np.newaxis] if labels.ndim == 1 else labels
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError(
            f"Expected {key} of shape [N] or [N, K]; the option factors=false reads the images alone. "
            f"Received: shape={labels.shape} in {file}"
        )
    if _are_shapes3d(table):
        return _Found(shapes3d.FACTORS.names, table, [False] * table.shape[1])
    names = ("label",) if table.shape[1] == 1 else tuple(f"label_{k}" for k in range(table.shape[1]))
    if table.dtype.kind in "USO":
        table = np.stack([np.unique(column, return_inverse=True)[1] for column in table.T], axis=1)
    return _Found(names, table, [False] * len(names) if table.dtype.kind in "biu" else None)


def _are_shapes3d(table: np.ndarray) -> bool:
    """Whether all labels are values of the factors of 3D Shapes, up to the rounding of float32."""
    values = shapes3d.FACTORS.values
    if table.dtype.kind != "f" or table.shape[1] != len(values):
        return False
    return all(
        (np.abs(np.unique(column)[:, np.newaxis] - known).min(axis=1) < 1e-4).all()
        for column, known in zip(table.T, values, strict=True)
    )
