"""Grey faces by identity, azimuth, elevation and lighting: a substitute for 3D Faces, whose model is licensed.

Kim & Mnih (2018) train on images of the Basel Face Model (Paysan et al., 2009). These images are drawn from a morphable
model that the user provides, such as the free Surrey Face Model (Huber et al., 2016), with the factors and sizes that
Chen et al. (2018) give for 3D Faces. They differ from the paper's: other people, no texture, and no ears.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from tfvae.data.cache import cache_folder, cached
from tfvae.data.drawing.morphable_model import SOURCE, MorphableModel, read_model
from tfvae.data.drawing.rasterizer import rasterize, smooth_normals
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.rows import RowWriter

FACTORS = FactorSpace(
    names=("identity", "azimuth", "elevation", "lighting"),
    values=(
        np.arange(50.0),
        np.linspace(-75.0, 75.0, 21),
        np.linspace(-30.0, 30.0, 11),
        np.linspace(-80.0, 80.0, 11),
    ),
)
IMAGE_SHAPE = (64, 64, 1)

_SUPERSAMPLING = 2
_COMPONENTS = 20
# Degrees above the viewer's horizon.
_LIGHT_ELEVATION = 20.0
_AMBIENT, _DIFFUSE = 0.15, 0.85


def load(
    model: str | os.PathLike[str] | None = None, *, cache: str | os.PathLike[str] | None = None
) -> GroundTruthData:
    """Returns faces, drawn on first use and then cached as 520 MB.

    Args:
        model: the file of the face model; by default $TFVAE_FACE_MODEL. See `morphable_model`.
        cache: the folder of the cache; by default $TFVAE_CACHE, else the user's cache folder. With the default, a
            progress bar on stderr shows the drawing.

    Returns:
        127,050 images [64, 64, 1] by identity 50 (always the same people for a model), and azimuth 21, elevation 11 and
        lighting 11 in degrees.

    Raises:
        FileNotFoundError: if no model is given, or the file does not exist.
        ValueError: if the file is not a face model.
        OSError: if the cache cannot be written to, or the disk is full.
    """
    model = model or os.environ.get("TFVAE_FACE_MODEL")
    if not model:
        raise FileNotFoundError(
            f"Expected a face model by model=... or the environment variable TFVAE_FACE_MODEL: {SOURCE}. "
            f"Received: model={model!r}"
        )
    faces = read_model(model)
    fill = partial(_fill, model=faces, progress=cache is None)
    entry = cached(cache_folder(cache) / f"faces-{faces.digest[:16]}", fill)
    return GroundTruthData("faces", FACTORS, entry.images, digest=entry.file_digest())


def draw(model: MorphableModel, coefficients: np.ndarray, azimuth: float, elevation: float) -> np.ndarray:
    """Draws one face in all lightings.

    Args:
        model: the face model.
        coefficients: float [K'], in standard deviations, K' at most the model's number of components.
        azimuth: in degrees; positive turns the face to the viewer's right.
        elevation: in degrees; positive turns the face up.

    Returns:
        uint8 [lightings, 64, 64, 1], with a Lambertian light that moves from the left to the right.
    """
    size = 64 * _SUPERSAMPLING
    vertices = model.mean + model.deviations[..., : len(coefficients)] @ coefficients - model.mean.mean(axis=0)
    vertices = vertices @ _turn(azimuth, elevation).T
    normals = smooth_normals(vertices, model.triangles)
    # However it is turned, the mean face fits into the image, with a margin for other faces.
    radius = np.linalg.norm(model.mean - model.mean.mean(axis=0), axis=1).max()
    on_screen = vertices * np.array([1.0, -1.0, 1.0]) * (0.46 * size / radius) + np.array([size / 2, size / 2, 0.0])
    depth, seen = rasterize(on_screen, model.triangles, normals, size)
    seen /= np.maximum(np.linalg.norm(seen, axis=-1, keepdims=True), 1e-12)

    side, up = np.radians(FACTORS.values[3]), np.radians(_LIGHT_ELEVATION)
    lights = np.stack([np.sin(side) * np.cos(up), np.full(len(side), np.sin(up)), np.cos(side) * np.cos(up)])
    level = _AMBIENT + _DIFFUSE * np.maximum(seen @ lights, 0.0)
    level *= np.isfinite(depth)[..., np.newaxis]
    level = level.reshape(64, _SUPERSAMPLING, 64, _SUPERSAMPLING, -1).mean(axis=(1, 3))
    return np.round(255 * level).astype(np.uint8).transpose(2, 0, 1)[..., np.newaxis]


def _fill(folder: Path, *, model: MorphableModel, progress: bool) -> None:
    with RowWriter(folder / "images.npy", IMAGE_SHAPE, len(FACTORS)) as writer:
        for images in _all_images(model, progress):
            writer.write(images)


def _all_images(model: MorphableModel, progress: bool) -> Iterator[np.ndarray]:
    identities, azimuths, elevations, _ = FACTORS.values
    components = min(_COMPONENTS, model.deviations.shape[-1])
    people = np.random.default_rng(0).standard_normal((len(identities), components))
    poses = [(person, azimuth, elevation) for person in people for azimuth in azimuths for elevation in elevations]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        bar = tqdm(total=len(poses), desc="Drawing faces", disable=None if progress else True)
        # One identity at a time: a pool keeps all drawn images until they are requested.
        per_person = len(poses) // len(people)
        for start in range(0, len(poses), per_person):
            for images in pool.map(lambda pose: draw(model, *pose), poses[start : start + per_person]):
                yield images
                bar.update()
        bar.close()


def _turn(azimuth: float, elevation: float) -> np.ndarray:
    a, e = np.radians(azimuth), np.radians(elevation)
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(e), np.sin(e)], [0, -np.sin(e), np.cos(e)]])
    return about_x @ about_y
