"""Harder versions of dSprites, as disentanglement_lib defines them: colored, noisy, and over a picture.

Locatello et al., 2019, "Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations";
https://github.com/google-research/disentanglement_lib, data/ground_truth/dsprites.py. There the random part of an
image is drawn again each time. Here it is a function of the seed and of the image's place alone, so that a data set is
the same in each epoch and in each run.
"""

import hashlib
import os
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.sets import dsprites

IMAGE_SHAPE = (64, 64, 3)
# The size to which the published pictures were reduced: rows and columns.
_PICTURE_SHAPE = (274, 350)


def load_color(*, seed: int = 0, cache: str | os.PathLike[str] | None = None) -> GroundTruthData:
    """Returns dSprites with sprites of random color: each channel is multiplied by u ~ U[0.5, 1].

    Args:
        seed: decides the colors, in 0 .. 2^64 - 1.
        cache: the folder of dSprites, see `dsprites.load`.

    Returns:
        737,280 images [64, 64, 3] with the factors of dSprites. The color is not one of them.
    """
    return _variant("dsprites_color", _color, seed, cache)


def load_noisy(*, seed: int = 0, cache: str | os.PathLike[str] | None = None) -> GroundTruthData:
    """Returns dSprites over noise: each channel of each pixel of the background is uniform in 0 .. 255.

    Args:
        seed: decides the noise, in 0 .. 2^64 - 1.
        cache: the folder of dSprites, see `dsprites.load`.

    Returns:
        737,280 images [64, 64, 3] with the factors of dSprites.
    """
    return _variant("dsprites_noisy", _noisy, seed, cache)


def load_background(
    *,
    seed: int = 0,
    picture: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> GroundTruthData:
    """Returns dSprites over random crops of a picture. The colors of the crop are inverted inside the sprite.

    A crop is averaged with a random color, as in the published set, which uses Munch's "The Scream".

    Args:
        seed: decides crops and colors, in 0 .. 2^64 - 1.
        picture: an image file, which is reduced to fit into 350 x 274 pixels; by default the picture of `texture`.
        cache: the folder of dSprites, see `dsprites.load`.

    Returns:
        737,280 images [64, 64, 3] with the factors of dSprites.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if it is not a picture, or smaller than 64 x 64 pixels.
    """
    background = texture() if picture is None else _read(Path(picture))

    def draw(sprites: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        top, left = (int(rng.integers(size - 63)) for size in background.shape[:2])
        color = rng.integers(0, 256, 3, np.uint8)
        crop = background[top : top + 64, left : left + 64]
        image = (crop >> 1) + (color >> 1) + (crop & color & 1)
        return image ^ sprites  # 255 - image inside the sprite: 255 - v flips all bits of v

    digest = hashlib.sha256(str(background.shape).encode() + background.tobytes()).hexdigest()
    return _variant("dsprites_background", draw, seed, cache, digest)


def texture() -> np.ndarray:
    """Returns a picture of winding bands, uint8 [274, 350, 3], which is always the same."""
    rng = np.random.Generator(np.random.Philox(1893))
    y, x = np.mgrid[: _PICTURE_SHAPE[0], : _PICTURE_SHAPE[1]] / 64.0
    for strength in (0.9, 0.5, 0.25):
        # Each pass bends the picture by finer waves than the previous pass.
        (a, b), (c, d) = rng.uniform(0.5, 1.5, (2, 2)) / strength
        p, q = rng.uniform(0, 2 * np.pi, 2)
        x, y = x + strength * np.sin(a * y + b * x / 2 + p), y + strength * np.sin(c * x + d * y / 2 + q)
    waves = [np.sin(2.5 * y + 0.7 * x + phase) + 0.5 * np.sin(6 * y - 2 * x + 2 * phase) for phase in (0.0, 0.9, 2.4)]
    return np.round(np.stack([127.5 + 80 * wave for wave in waves], axis=-1)).clip(0, 255).astype(np.uint8)


class _Draw(Protocol):
    """Draws an image [64, 64, 3] from sprites [64, 64, 1] of 0 and 255."""

    def __call__(self, sprites: np.ndarray, rng: np.random.Generator) -> np.ndarray: ...


class _Variant:
    """Images of dSprites with random changes, which depend on the seed and on the place of an image alone."""

    def __init__(self, data: GroundTruthData, draw: _Draw, seed: int) -> None:
        self.shape = (len(data), *IMAGE_SHAPE)
        self._data = data
        self._draw = draw
        self._seed = seed

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        images = np.empty((len(indices), *IMAGE_SHAPE), np.uint8)
        # Counter-based: each pair of seed and place has its own stream. One generator is moved from stream to stream,
        # because a new one would request entropy from the system each time, although it has a key.
        philox = np.random.Philox(key=0)
        start, rng = philox.state, np.random.Generator(philox)
        for image, sprites, index in zip(images, self._data.images(indices), indices, strict=True):
            start["state"]["key"] = np.array([self._seed, index], np.uint64)
            philox.state = start
            image[:] = self._draw(sprites, rng)
        return images


def _color(sprites: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    level = np.round(255 * rng.uniform(0.5, 1.0, 3)).astype(np.uint8)
    return sprites & level


def _noisy(sprites: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = np.frombuffer(rng.bytes(64 * 64 * 3), np.uint8).reshape(IMAGE_SHAPE)
    return sprites | noise


def _variant(
    name: str, draw: _Draw, seed: int, cache: str | os.PathLike[str] | None, picture: str = ""
) -> GroundTruthData:
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**64:
        raise ValueError(f"Expected seed to be an integer in 0 .. 2^64 - 1. Received: seed={seed!r}")
    data = dsprites.load(cache)
    digest = hashlib.sha256(f"{name} 1 {seed} {data.digest} {picture}".encode()).hexdigest()
    return GroundTruthData(name, data.factors, _Variant(data, draw, seed), digest=digest)


def _read(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected picture to be an image file. Received: picture={os.fspath(path)!r}"
        ) from None
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"Expected picture to be an image file. Received: {os.fspath(path)!r}: {error}") from None
    picture.thumbnail(_PICTURE_SHAPE[::-1])
    if min(picture.size) < 64:
        raise ValueError(
            f"Expected a picture of at least 64 x 64 pixels after it is reduced to fit into 350 x 274. "
            f"Received: picture={os.fspath(path)!r} with {picture.width} x {picture.height}"
        )
    return np.asarray(picture)
