"""dSprites (Matthey et al., 2017), drawn here: https://github.com/google-deepmind/dsprites-dataset.

All 737,280 images are drawn from the geometry of the three sprites, in the order of the published file. Lengths are
in pixels, y points down, and the centre of the pixel in row r and column c is (c + 0.5, r + 0.5):

    square:   corners (+-9.6, +-9.6)
    ellipse:  100 points (1.33 * 9.6 cos t, 9.6 / 1.33 sin t)
    heart:    150 points (9.6 sin^3 t, -9.6 ((13 cos t - 5 cos 2t - 2 cos 3t - cos 4t) / 14.5 + 0.15))

A sprite is scaled by 0.5 + 0.1 scale, turned counter-clockwise by 2 pi orientation / 39 and moved to
(16 + 32 posX / 31, 16 + 32 posY / 31). Its corners are rounded to 1/256 pixel, and a pixel is white if its centre is
inside.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfvae.data.cache import cache_folder, cached
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.rows import RowWriter

FACTORS = FactorSpace(
    names=("color", "shape", "scale", "orientation", "posX", "posY"),
    values=(
        np.ones(1),
        np.arange(1.0, 4.0),
        np.linspace(0.5, 1.0, 6),
        np.linspace(0.0, 2.0 * np.pi, 40),
        np.linspace(0.0, 1.0, 32),
        np.linspace(0.0, 1.0, 32),
    ),
)
IMAGE_SHAPE = (64, 64, 1)
DIGEST = "3a228f4037ef3d42a42588e0e01f1078aa2df13cfa17584e88c95ed9fb5672da"

_PLACES = np.arange(32)
# Masks of a row: in mask k, the pixels from column k on are set. The first pixel is the highest bit.
_FROM_COLUMN = np.array([(2**64 - 1) >> column for column in range(65)], np.uint64)


def load(cache: str | os.PathLike[str] | None = None) -> GroundTruthData:
    """Returns dSprites, drawn on first use and then cached as 377 MB of packed bits.

    Args:
        cache: the folder of the cache; by default $TFVAE_CACHE, else the user's cache folder. With the default, a
            progress bar on stderr shows the drawing.

    Returns:
        737,280 images [64, 64, 1] of 0 and 255, by color 1, shape 3, scale 6, orientation 40, posX 32 and posY 32.
        Orientations 0 and 39 look the same, as in the published file.

    Raises:
        OSError: if the folder cannot be written to, or the disk is full.
        RuntimeError: if the drawing differs from dSprites.
    """
    entry = cached(cache_folder(cache) / "dsprites", partial(_fill, progress=cache is None), digest=DIGEST)
    return GroundTruthData("dsprites", FACTORS, entry.images, digest=DIGEST)


def draw(factors: np.ndarray) -> np.ndarray:
    """Draws images one by one, without the cache.

    Args:
        factors: int array [N, 6], in the order and ranges of `FACTORS`.

    Returns:
        uint8 array [N, 64, 64, 1] of 0 and 255.

    Raises:
        TypeError: if the factors are not integers.
        ValueError: if the shape is wrong, or a factor is out of range.
    """
    rows = FACTORS.to_factors(FACTORS.to_index(factors))
    bits = [_draw_block(shape, scale, turn, np.array([x]), np.array([y])) for _, shape, scale, turn, x, y in rows]
    return np.unpackbits(np.array(bits, np.uint8).reshape(-1, 512), axis=-1).reshape(-1, *IMAGE_SHAPE) * np.uint8(255)


def _fill(folder: Path, *, progress: bool) -> None:
    with RowWriter(folder / "images.npy", (512,), len(FACTORS)) as writer:
        for block in _all_blocks(progress):
            writer.write(block)
    np.save(folder / "image_shape.npy", np.array(IMAGE_SHAPE))


def _all_blocks(progress: bool) -> Iterator[np.ndarray]:
    _, shapes, scales, orientations, _, _ = FACTORS.sizes
    blocks = tqdm(range(shapes * scales * orientations), desc="Drawing dSprites", disable=None if progress else True)
    for block in blocks:
        shape, scale, orientation = (int(k) for k in np.unravel_index(block, (shapes, scales, orientations)))
        yield _draw_block(shape, scale, orientation, _PLACES, _PLACES).reshape(-1, 512)


def _draw_block(shape: int, scale: int, orientation: int, pos_x: np.ndarray, pos_y: np.ndarray) -> np.ndarray:
    """Draws one sprite at all pairs of X and Y positions: packed bits, uint8 [X, Y, 512]."""
    outline = _outline(shape) * (0.5 + 0.1 * scale)
    # A full turn has 39 steps, not 40: in the published file, the last orientation equals the first.
    angle = 2 * np.pi * (orientation % 39) / 39
    cos, sin = np.cos(angle), np.sin(angle)
    x = _snap(outline[:, 0] * cos + outline[:, 1] * sin + (16 + 32 * pos_x / 31)[:, np.newaxis])  # [X, corners]
    y = _snap(-outline[:, 0] * sin + outline[:, 1] * cos + (16 + 32 * pos_y / 31)[:, np.newaxis])  # [Y, corners]
    next_x, next_y = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)

    # Which edges cross the line through the pixel centres of each row? These do not depend on X.
    centres = np.arange(64) + 0.5
    low, high = np.minimum(y, next_y)[:, np.newaxis], np.maximum(y, next_y)[:, np.newaxis]
    crossed = (low < centres[:, np.newaxis]) & (centres[:, np.newaxis] <= high)
    j, row, edge = np.nonzero(crossed)
    along = (centres[row] - y[j, edge]) / (next_y[j, edge] - y[j, edge])
    crossing = x[:, edge] + along * (next_x[:, edge] - x[:, edge])
    column = np.clip(np.ceil(crossing - 0.5), 0, 64).astype(np.intp)

    # A crossing flips all pixels to its right: a pixel inside is flipped an odd number of times.
    line = j * 64 + row
    starts = np.flatnonzero(np.diff(line, prepend=-1))
    lines = np.zeros((len(pos_x), len(pos_y) * 64), np.uint64)
    lines[:, line[starts]] = np.bitwise_xor.reduceat(_FROM_COLUMN[column], starts, axis=1)
    return lines.astype(">u8").view(np.uint8).reshape(len(pos_x), len(pos_y), 512)


def _outline(shape: int) -> np.ndarray:
    """Returns the corners of a sprite of scale 1, relative to its centre: float64 [corners, 2]."""
    if shape == 0:
        return 9.6 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    if shape == 1:
        t = np.arange(100) * (2 * np.pi / 100)
        return np.stack([1.33 * 9.6 * np.cos(t), 9.6 / 1.33 * np.sin(t)], axis=-1)
    t = np.arange(150) * (2 * np.pi / 150)
    height = (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 14.5 + 0.15
    return np.stack([9.6 * np.sin(t) ** 3, -9.6 * height], axis=-1)


def _snap(position: np.ndarray) -> np.ndarray:
    return np.floor(position * 256 + 0.5) / 256
