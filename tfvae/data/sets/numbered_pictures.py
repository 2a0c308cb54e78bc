"""Isaac3D and Falcor3D (Nie et al., 2020): https://github.com/NVlabs/High-res-disentanglement-datasets.

Renderings of a kitchen with a robot's arm, 737,280 of 512 x 512 pixels, and of a living room, 233,280 of 1024 x 1024;
both also of 128 x 128. Each is a grid of factors, and the file name of a picture, images/NNNNNN.png, is its number in
the order of the grid, the last factor fastest. The order of Isaac3D's factors is that of the authors' program. (Their
README names some of them in another order beside the same strides.) A factor's m values are evenly spaced in [0, 1].
"""

import os
import re

import numpy as np

from tfvae.data.arrangement import Reordered, arranged
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.sets.folder import cached_pictures, existing_folder, files_below


def _grid(**sizes: int) -> FactorSpace:
    return FactorSpace(tuple(sizes), tuple(np.linspace(0, 1, size) for size in sizes.values()))


ISAAC3D = _grid(
    object_shape=3,
    robot_x=8,
    robot_y=5,
    camera_height=4,
    object_scale=4,
    lighting_intensity=4,
    lighting_y=6,
    object_color=4,
    wall_color=4,
)
FALCOR3D = _grid(lighting_intensity=5, lighting_x=6, lighting_y=6, lighting_z=6, camera_x=6, camera_y=6, camera_z=6)
_PICTURE = re.compile(r"(\d{6})\.png")


def load_isaac3d(
    path: str | os.PathLike[str],
    *,
    size: int = 64,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> GroundTruthData:
    """Reads the unpacked archive of Isaac3D, in any resolution.

    Args:
        path: the folder of the pictures, or a folder above it.
        size, skip_broken, cache: as `folder.load` takes them. All images of 64 x 64 take 9 GB.

    Returns:
        Images uint8 [N, size, size, 3]. The factors are a `FactorSpace` if each combination of those values that occur
        has a picture, as in the archive, else a `FactorTable`.

    Raises:
        FileNotFoundError: if there is no such folder, or no picture in it.
        ValueError: if a picture is broken, a number is out of range or occurs twice, or the size is out of range.
        OSError: if the disk of the cache is full.
    """
    return _load("isaac3d", ISAAC3D, path, size, skip_broken, cache)


def load_falcor3d(
    path: str | os.PathLike[str],
    *,
    size: int = 64,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> GroundTruthData:
    """Reads the unpacked archive of Falcor3D, in any resolution; otherwise as `load_isaac3d`. All images take 3 GB."""
    return _load("falcor3d", FALCOR3D, path, size, skip_broken, cache)


def _load(
    kind: str,
    factors: FactorSpace,
    path: str | os.PathLike[str],
    size: int,
    skip_broken: bool,
    cache: str | os.PathLike[str] | None,
) -> GroundTruthData:
    root = existing_folder(path)
    files = [file for file in files_below(root) if _PICTURE.fullmatch(file.name)]
    if not files:
        raise FileNotFoundError(
            f"Expected pictures 000000.png to {len(factors) - 1:06}.png, in the folder images of the unpacked archive. "
            f"Received: none in {root}"
        )
    numbers = np.array([int(file.stem) for file in files])
    values, counts = np.unique(numbers, return_counts=True)
    if numbers.max() >= len(factors) or counts.max() > 1:
        wrong = next(
            file
            for file, number in zip(files, numbers, strict=True)
            if number >= len(factors) or counts[np.searchsorted(values, number)] > 1
        )
        raise ValueError(
            f"Expected one picture for each number below {len(factors):,}, those of {kind}. Received: {wrong}"
            + (", of whose number there are others" if numbers.max() < len(factors) else "")
        )
    images = cached_pictures(
        kind,
        root,
        files,
        size=size,
        channels=3,
        crop=None,
        skip_broken=skip_broken,
        cache=cache,
        table=factors.values_of(numbers),
    )
    assert images.table is not None
    found, order = arranged(factors.names, images.table, [False] * len(factors.names))
    return GroundTruthData(f"{kind}:{os.fspath(path)}", found, Reordered(images.images, order), digest=images.digest)
