"""3D Cars (Reed et al., 2015, "Deep Visual Analogy-Making"): http://www.scottreed.info.

183 car models from 24 azimuths at 4 elevations. nips2015-analogy-data.tar.gz has a MATLAB file for each model,
data/cars/<car>.mat, with the array "im", uint8 [128, 128, 3, 24, 4].
"""

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from tfvae.data.cache import cache_folder, cached
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.pictures import check_regular, fitted, in_parallel
from tfvae.data.rows import RowWriter
from tfvae.data.sets.folder import existing_folder, files_below


def load(
    path: str | os.PathLike[str], *, size: int = 64, cache: str | os.PathLike[str] | None = None
) -> GroundTruthData:
    """Reads the unpacked archive of 3D Cars.

    Args:
        path: the folder of the .mat files, or a folder above it.
        size: H = W of the images, at least 1.
        cache: as `folder.load` takes it.

    Returns:
        Images uint8 [N, size, size, 3] by elevation 4, azimuth 24 and model (in the order of the sorted file names), as
        in disentanglement_lib.

    Raises:
        FileNotFoundError: if there is no such folder, or no .mat file in it.
        ValueError: if a file is broken or has other arrays, or the size is out of range.
        OSError: if the disk of the cache is full.
    """
    if size < 1:
        raise ValueError(f"Expected size >= 1. Received: size={size}")
    root = existing_folder(path)
    files = [file for file in files_below(root) if file.suffix == ".mat"]
    if not files:
        raise FileNotFoundError(f"Expected MATLAB files, one for each car. Received: no .mat file in {root}")
    elevations, azimuths = _views(files[0]).shape[:2]
    factors = FactorSpace(
        ("elevation", "azimuth", "model"),
        tuple(np.arange(float(count)) for count in (elevations, azimuths, len(files))),
    )
    status = [(os.fsencode(file.relative_to(root)), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    key = hashlib.sha256(repr((1, str(root.resolve()), size, status)).encode()).hexdigest()[:16]
    fill = partial(_fill, files, factors=factors, size=size, progress=cache is None)
    images = cached(cache_folder(cache) / f"cars3d-{key}", fill)
    return GroundTruthData(f"cars3d:{os.fspath(path)}", factors, images.images, digest=images.digest)


def _fill(files: list[Path], folder: Path, *, factors: FactorSpace, size: int, progress: bool) -> None:
    elevations, azimuths, _ = factors.sizes
    with RowWriter(folder / "images.npy", (size, size, 3), len(factors)) as writer:
        model = 0
        for block in in_parallel(_reader(size, (elevations, azimuths)), files, progress=progress):
            for images in block:
                if isinstance(images, Exception):
                    raise images
                views = np.indices((elevations, azimuths)).reshape(2, -1).T
                writer.write(images, factors.to_index(np.insert(views, 2, model, axis=1)))
                model += 1


def _reader(size: int, counts: tuple[int, int]) -> Callable[[Path], np.ndarray | Exception]:
    def read(file: Path) -> np.ndarray | Exception:
        try:
            views = _views(file)
        except ValueError as error:
            return error
        if views.shape[:2] != counts:
            return ValueError(f"Expected {counts} elevations and azimuths, as in the first file. Received: {file}")
        flat = views.reshape(-1, *views.shape[2:])
        return np.stack([np.asarray(fitted(Image.fromarray(view), size)) for view in flat])

    return read


def _views(file: Path) -> np.ndarray:
    """Returns the images of one car, uint8 [elevations, azimuths, H, W, 3]."""
    try:
        check_regular(file)
        content = scipy.io.loadmat(file)
    except Exception as error:
        raise ValueError(f"Expected a MATLAB file. Received: {file}: {type(error).__name__}: {error}") from None
    images = content.get("im")
    if images is None or images.dtype != np.uint8 or images.ndim != 5 or images.shape[2] != 3:
        what = sorted(content) if images is None else f"{images.dtype} {images.shape}"
        raise ValueError(f"Expected the array 'im', uint8 [H, W, 3, azimuths, elevations]. Received: {what} in {file}")
    return np.ascontiguousarray(images.transpose(4, 3, 0, 1, 2))
