"""The published files of MPI3D and of 3D Shapes, checked to be these.

- MPI3D (Gondal et al., 2019): https://github.com/rr-learning/disentanglement_dataset. A .npz file with `images`.
- 3D Shapes (Burgess & Kim, 2018): https://github.com/google-deepmind/3d-shapes. 3dshapes.h5 has `images` and `labels`.
"""

import math
import os
from pathlib import Path

from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.sets import arrays, shapes3d
from tfvae.data.sets.array_files import header_of, keys_of
from tfvae.data.sets.array_layouts import MPI3D, MPI3D_SIZES, find_factors

# The shapes that an array of a file may have, by its name.
Shapes = dict[str, list[tuple[int, ...]]]


def load_mpi3d(path: str | os.PathLike[str], *, cache: str | os.PathLike[str] | None = None) -> GroundTruthData:
    """Reads MPI3D: toy, realistic, real or complex. A robot's arm moves an object; the real ones are photographs.

    Args:
        path: mpi3d_toy.npz, mpi3d_realistic.npz, mpi3d_real.npz or the file of the four complex objects.
        cache: as `arrays.load` takes it; it holds the images if the file is compressed, 5.7 or 12.7 GB.

    Returns:
        Images uint8 [N, 64, 64, 3] by colour (6, or 4), shape (6, or 4) and size (2) of the object, height of the
        camera (3), colour of the background (3), and the horizontal and the vertical axis (40 each): N is 1,036,800, or
        460,800 of the complex objects and of files without some values of colour and shape.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or other images are in it.
        OSError: if the disk of the cache is full.
    """
    shapes: Shapes = {"images": [(math.prod(sizes), 64, 64, 3) for sizes in MPI3D_SIZES]}
    return _load(path, "mpi3d", MPI3D, shapes, cache)


def load_shapes3d(path: str | os.PathLike[str], *, cache: str | os.PathLike[str] | None = None) -> GroundTruthData:
    """Reads the published images of 3D Shapes, of which "shapes3d" without a path is a re-rendering.

    Args:
        path: 3dshapes.h5.
        cache: as `arrays.load` takes it; it holds the images, 5.9 GB.

    Returns:
        480,000 images uint8 [64, 64, 3] by floor, wall and object hue (10 each), scale 8, shape 4 and orientation 15.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or other images or labels are in it.
        OSError: if the disk of the cache is full.
    """
    count = len(shapes3d.FACTORS)
    shapes: Shapes = {"images": [(count, 64, 64, 3)], "labels": [(count, 6)]}
    return _load(path, "shapes3d", shapes3d.FACTORS.names, shapes, cache)


def _load(
    path: str | os.PathLike[str],
    kind: str,
    names: tuple[str, ...],
    shapes: Shapes,
    cache: str | os.PathLike[str] | None,
) -> GroundTruthData:
    """Reads a file whose arrays have one of the given shapes, and whose factors have these names and are a grid."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"Expected the file of {kind}. Received: no file at {os.fspath(path)!r}")
    keys = keys_of(file)
    if not set(shapes) <= keys:
        raise ValueError(
            f"Expected the file of {kind}, with the arrays {list(shapes)}. "
            f"Received: {sorted(keys) or 'an array'} in {file}"
        )
    # All that can be wrong is found before gigabytes of images are read.
    for key, expected in shapes.items():
        shape, _ = header_of(file, key)
        if shape not in expected:
            known = " or ".join(map(str, expected))
            raise ValueError(f"Expected {key} of {kind} of shape {known}. Received: {shape} in {file}")
    found = find_factors(file, keys, header_of(file, "images")[0][0])
    if found is None or found[0].names != names or not isinstance(found[0], FactorSpace):
        raise ValueError(
            f"Expected images of each combination of the values of {names} of {kind}, once. Received: others in {file}"
        )
    data = arrays.load(path, cache=cache)
    assert isinstance(data, GroundTruthData)
    data.name = f"{kind}:{os.fspath(path)}"
    return data
