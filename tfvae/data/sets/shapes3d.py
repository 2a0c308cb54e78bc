"""3D Shapes (Burgess & Kim, 2018), drawn again here: https://github.com/google-deepmind/3d-shapes.

A room with one solid in it: 480,000 images in the order of the published file. This is a re-rendering. It has the
published factors, camera, solids and colours, but not the published pixels. On the 50 published images that it was
fitted to, the mean absolute error is 0.64 of 255, and 1.06 on the worst of them. Most of it is at edges, where a ray
may fall on either side. Scores on these images are not those on the published file.

Only the three hues change colours, so an image is a sum of maps. Each of the 480 combinations of scale, shape and
orientation (a geometry) has, for each material, one map for each level that a channel of its hue can have:

    image[channel] = sky[channel] + floor[level(floor hue, channel)] + wall[level(...)] + solid[level(...)]

The maps are drawn once (`ray_caster`) and cached as 79 MB. The images would take 5.9 GB and are never stored.
"""

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from tfvae.data.cache import cache_folder, cached
from tfvae.data.drawing import ray_caster
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import GraphImages
from tfvae.data.rows import RowWriter

if TYPE_CHECKING:
    import tensorflow as tf

FACTORS = FactorSpace(
    names=("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"),
    values=(
        np.arange(10) / 10,
        np.arange(10) / 10,
        np.arange(10) / 10,
        np.linspace(0.75, 1.25, 8),
        np.arange(4.0),
        np.linspace(-30.0, 30.0, 15),
    ),
)
IMAGE_SHAPE = (64, 64, 3)
DIGEST = "d99bf572c5736ee5384735664eac5c7be7b52df45077e3abf388549eaac2edfb"

_GEOMETRIES = 480
_SKY_COLOR = (153, 226, 249)
# Five times hsv(k / 10, 1, 1), truncated to whole numbers as in the published images: the level of each channel.
_LEVELS = np.array(
    [
        [5, 0, 0],
        [5, 3, 0],
        [4, 5, 0],
        [1, 5, 0],
        [0, 5, 2],
        [0, 5, 5],
        [0, 2, 5],
        [1, 0, 5],
        [4, 0, 5],
        [5, 0, 3],
    ]
)
# The maps of a geometry: a black one, floor and wall at levels 1 .. 5, the solid at levels 0 .. 5, the channels of the
# sky.
_MAPS = 20
_FLOOR, _WALL, _SOLID, _SKY = 0, 5, 11, 17
# The map of each hue and channel. Floor and wall have no highlights: at level 0 they use the black map.
_MAP_OF_HUE = np.stack(
    [np.where(_LEVELS > 0, first + _LEVELS, 0) for first in (_FLOOR, _WALL)] + [_SOLID + _LEVELS]
).astype(np.int32)
# Maps are integers, with this many units to a grey level, so that NumPy and TensorFlow get the same sums.
_UNITS = 64
_SUPERSAMPLING = 3


def load(cache: str | os.PathLike[str] | None = None) -> GroundTruthData:
    """Returns 3D Shapes, whose maps are drawn on first use and then cached as 79 MB.

    Args:
        cache: the folder of the cache; by default $TFVAE_CACHE, else the user's cache folder. With the default, a
            progress bar on stderr shows the drawing.

    Returns:
        480,000 images [64, 64, 3] by floor hue 10, wall hue 10, object hue 10, scale 8, shape 4 and orientation 15.

    Raises:
        OSError: if the folder cannot be written to, or the disk is full.
    """
    entry = cached(cache_folder(cache) / "shapes3d", partial(_fill, progress=cache is None))
    maps = np.asarray(entry.images)
    return GroundTruthData("shapes3d", FACTORS, Shapes3D(maps), digest=entry.file_digest())


class Shapes3D(GraphImages):
    """Images of 3D Shapes, composed from maps as they are read.

    Args:
        maps: int16 [480 * 20, 4096], as `load` caches them.
    """

    shape = (len(FACTORS), *IMAGE_SHAPE)

    def __init__(self, maps: np.ndarray) -> None:
        self.maps = maps

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        images = np.empty((len(indices), 4096, 3), np.uint8)
        floor, wall, solid, geometry = np.unravel_index(indices, (10, 10, 10, _GEOMETRIES))
        first = geometry * _MAPS
        for channel in range(3):
            level = self.maps[first + _SKY + channel]
            for material, hue in enumerate((floor, wall, solid)):
                level += self.maps[first + _MAP_OF_HUE[material, hue, channel]]
            level += _UNITS // 2
            level >>= 6
            np.clip(level, 0, 255, out=level)
            images[..., channel] = level
        return images.reshape(-1, *IMAGE_SHAPE)

    def in_graph(self) -> "Callable[[tf.Tensor], tf.Tensor]":
        """As `ImageData.in_graph`."""
        import tensorflow as tf

        maps = tf.convert_to_tensor(self.maps)
        return lambda indices: compose(maps, indices)


def compose(maps: "tf.Tensor", indices: "tf.Tensor") -> "tf.Tensor":
    """Composes images with TensorFlow's operations, for a pipeline or a compiled step.

    Args:
        maps: int16 tensor [480 * 20, 4096] of `Shapes3D.maps`.
        indices: int64 tensor [N], in 0 .. 479,999.

    Returns:
        uint8 tensor [N, 64, 64, 3], the same images as those of `Shapes3D`.
    """
    import tensorflow as tf

    hues, first = indices // _GEOMETRIES, tf.cast(indices % _GEOMETRIES, tf.int32) * _MAPS
    place = tf.cast(tf.stack([hues // 100, hues // 10 % 10, hues % 10], axis=-1), tf.int32)
    which = tf.gather(
        tf.constant(_MAP_OF_HUE.reshape(30, 3)), place + tf.constant([0, 10, 20])
    )  # [N, material, channel]
    level = tf.gather(maps, first[:, tf.newaxis] + _SKY + tf.range(3))
    for material in range(3):
        level += tf.gather(maps, first[:, tf.newaxis] + which[:, material])
    level = tf.clip_by_value(tf.bitwise.right_shift(level + _UNITS // 2, tf.constant(6, tf.int16)), 0, 255)
    return tf.reshape(tf.transpose(tf.cast(level, tf.uint8), [0, 2, 1]), [-1, *IMAGE_SHAPE])


def _fill(folder: Path, *, progress: bool) -> None:
    with RowWriter(folder / "images.npy", (4096,), _GEOMETRIES * _MAPS, np.int16) as writer:
        for maps in _all_maps(progress):
            writer.write(maps)


def _all_maps(progress: bool) -> Iterator[np.ndarray]:
    scales, _, angles = FACTORS.values[3:]
    views = [ray_caster.look(np.radians(angle), 64 * _SUPERSAMPLING) for angle in angles]
    geometries = [(view, shape, scale) for scale in scales for shape in ray_caster.SHAPES for view in views]
    # The matrix products are small: with threads of their own they took fifteen times as long.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn = pool.map(lambda geometry: _geometry_maps(*geometry), geometries)
        yield from tqdm(drawn, desc="Casting 3D Shapes", total=len(geometries), disable=None if progress else True)


def _geometry_maps(view: ray_caster.View, shape: str, scale: float) -> np.ndarray:
    """The maps of one geometry, int16 [20, 4096]."""
    size = 64 * _SUPERSAMPLING
    material, brightness, white = ray_caster.cast(view, shape, scale)
    fine = np.zeros((_MAPS - 2, size * size))
    for first, kind, levels in (
        (_FLOOR, ray_caster.FLOOR, range(1, 6)),
        (_WALL, ray_caster.WALL, range(1, 6)),
        (_SOLID, ray_caster.SOLID, range(6)),
    ):
        rays = np.flatnonzero(material == kind)
        for level in levels:
            fine[first + level, rays] = np.minimum(level / 5 * brightness[rays] + white[rays], 1.0)
    fine[_SKY] = material == ray_caster.SKY
    # Whole numbers, whose sums are exact in any order, so that the maps do not depend on the processor.
    whole = np.round(fine * 1020).reshape(-1, size, size)
    kernel = _lanczos()
    coarse = kernel @ whole @ kernel.T / (1020 * kernel[0].sum() ** 2)
    maps = np.concatenate([coarse[:_SKY] * 255, [coarse[_SKY] * color for color in _SKY_COLOR]])
    return np.round(maps * _UNITS).astype(np.int16).reshape(_MAPS, 4096)


@functools.cache
def _lanczos() -> np.ndarray:
    """Weights that reduce a line to 64 pixels by a Lanczos filter (a = 3), whole numbers [64, 64 S] of equal sums."""
    distance = np.arange(64 * _SUPERSAMPLING) + 0.5 - (np.arange(64)[:, np.newaxis] + 0.5) * _SUPERSAMPLING
    x = distance / _SUPERSAMPLING
    weight = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)
    weight = np.round(weight / weight.sum(axis=1, keepdims=True) * 4096)
    # The remainder of rounding is added in the middle, where it matters least.
    weight[np.arange(64), np.argmax(weight, axis=1)] += 4096 - weight.sum(axis=1)
    return weight
