"""3D Chairs (Aubry et al., 2014): https://www.di.ens.fr/willow/research/seeing3Dchairs.

86,366 pictures of 600 x 600 pixels: 1393 models from 31 azimuths at 2 elevations. In the archive rendered_chairs.tar
they are <model>/renders/image_XXX_pYYY_tZZZ_rWWW.png, with elevation p and azimuth t in degrees and distance r.
"""

import os
import re

import numpy as np

from tfvae.data.arrangement import Reordered, arranged
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.sets.folder import cached_pictures, existing_folder, files_below

NAMES = ("model", "elevation", "azimuth")
_PICTURE = re.compile(r"image_\d+_p(\d+)_t(\d+)_r\d+\.png")


def load(
    path: str | os.PathLike[str],
    *,
    size: int = 64,
    channels: int | None = None,
    crop: int | None = 400,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> GroundTruthData:
    """Reads the unpacked archive of 3D Chairs.

    Args:
        path: the folder rendered_chairs, or a folder above it.
        size, channels, skip_broken, cache: as `folder.load` takes them.
        crop: side of the square in the middle that is resized. Chairs are small in their pictures: 400 of 600 pixels is
            common. None takes the whole picture.

    Returns:
        Images by model (its place among the sorted folders of the models), elevation and azimuth in degrees. The
        factors are a `FactorSpace` if they are complete, as in the archive, else a `FactorTable`.

    Raises:
        FileNotFoundError: if there is no such folder, or no picture in it.
        ValueError: if a picture is broken, or an argument is out of range.
        OSError: if the disk of the cache is full.
    """
    root = existing_folder(path)
    found = [(file, _PICTURE.fullmatch(file.name)) for file in files_below(root) if file.parent.name == "renders"]
    views = [(file, int(match[1]), int(match[2])) for file, match in found if match]
    if not views:
        raise FileNotFoundError(
            f"Expected the unpacked rendered_chairs.tar, <model>/renders/image_XXX_pYYY_tZZZ_rWWW.png. "
            f"Received: no such picture in {root}"
        )
    models = sorted({file.parent.parent.name for file, _, _ in views})
    place = {model: index for index, model in enumerate(models)}
    table = np.array([(place[file.parent.parent.name], elevation, azimuth) for file, elevation, azimuth in views])
    images = cached_pictures(
        "chairs",
        root,
        [file for file, _, _ in views],
        size=size,
        channels=channels,
        crop=crop,
        skip_broken=skip_broken,
        cache=cache,
        table=table,
    )
    assert images.table is not None
    factors, order = arranged(NAMES, images.table, [False] * len(NAMES))
    return GroundTruthData(f"chairs:{os.fspath(path)}", factors, Reordered(images.images, order), digest=images.digest)
