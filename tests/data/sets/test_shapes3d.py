import hashlib

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data.drawing import ray_caster
from tfvae.data.sets import shapes3d

# Digests of the maps of one geometry for each solid, each at another scale and orientation.
DIGESTS = {
    (0, 0, 0): "4e1859677e0366e3e4a490407207a5f8cebace89d4ef043d9b6b5056676f2d20",
    (3, 1, 5): "f56745afe0e0205c3ee62fed5dcf48c5467a25879c1e78eea888f2511279ad01",
    (5, 2, 10): "22a7905b9ef3f8aaa51e797890daa4242c309cf10bdc7e09a16ee38d733a9eab",
    (7, 3, 14): "6f394b6b8bb0c0066b27bab1bdcf40fafc0803cfa2dd81e5ddece1f46ddf8e18",
}


def geometry_maps(scale: int, shape: int, orientation: int) -> np.ndarray:
    _, _, _, scales, _, angles = shapes3d.FACTORS.values
    view = ray_caster.look(np.radians(angles[orientation]), 64 * shapes3d._SUPERSAMPLING)
    return shapes3d._geometry_maps(view, ray_caster.SHAPES[shape], scales[scale])


@pytest.fixture(scope="module")
def images() -> shapes3d.Shapes3D:
    """Images of the geometries in `DIGESTS`. All others are black."""
    maps = np.zeros((480, 20, 4096), np.int16)
    for scale, shape, orientation in DIGESTS:
        maps[(scale * 4 + shape) * 15 + orientation] = geometry_maps(scale, shape, orientation)
    return shapes3d.Shapes3D(maps.reshape(-1, 4096))


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    rng = np.random.default_rng(0)
    geometries = np.array(list(DIGESTS))[rng.integers(0, 4, 60)]
    return np.concatenate([rng.integers(0, 10, (60, 3)), geometries], axis=1)


def test_factors_are_those_published():
    assert shapes3d.FACTORS.names == ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    assert shapes3d.FACTORS.sizes == (10, 10, 10, 8, 4, 15)
    assert len(shapes3d.FACTORS) == 480_000
    values = shapes3d.FACTORS.values
    np.testing.assert_allclose(values[2], [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    np.testing.assert_allclose(values[3][[0, 7]], [0.75, 1.25])
    np.testing.assert_allclose(values[5][[0, 7, 14]], [-30, 0, 30])


@pytest.mark.parametrize("geometry", DIGESTS)
def test_the_drawing_has_not_changed(geometry):
    assert hashlib.sha256(geometry_maps(*geometry)).hexdigest() == DIGESTS[geometry]


def test_images_are_those_of_their_factors(images, factors):
    """Composed from the maps of each image's factors, one image and one channel at a time."""
    composed = images[shapes3d.FACTORS.to_index(factors)]
    maps = images.maps.reshape(8, 4, 15, 20, 64, 64)
    for image, (floor, wall, solid, *geometry) in zip(composed, factors, strict=True):
        own = maps[tuple(geometry)].astype(int)
        for channel in range(3):
            levels = shapes3d._LEVELS[[floor, wall, solid], channel]
            total = own[17 + channel] + own[11 + levels[2]]
            total = total + (own[levels[0]] if levels[0] else 0) + (own[5 + levels[1]] if levels[1] else 0)
            np.testing.assert_array_equal(image[..., channel], np.clip(np.floor(total / 64 + 0.5), 0, 255))


def test_tensorflow_composes_the_same_images(images, factors):
    indices = shapes3d.FACTORS.to_index(factors)
    composed = tf.function(images.in_graph())(tf.constant(indices))
    assert composed.dtype == tf.uint8
    np.testing.assert_array_equal(composed, images[indices])


@pytest.mark.parametrize("hue", range(3))
def test_a_hue_changes_only_its_own_material(images, hue):
    factors = np.array([[1, 4, 7, 3, 1, 5], [1, 4, 7, 3, 1, 5]])
    factors[1, hue] += 2
    first, second = images[shapes3d.FACTORS.to_index(factors)].astype(int)
    view = ray_caster.look(np.radians(shapes3d.FACTORS.values[5][5]), 64)
    material = ray_caster.cast(view, "cylinder", shapes3d.FACTORS.values[3][3]).material.reshape(64, 64)
    changed = np.abs(first - second).max(axis=-1) > 40
    own = material == (ray_caster.FLOOR, ray_caster.WALL, ray_caster.SOLID)[hue]
    # Shadows are too dark to change as much, and the filter mixes materials within a pixel or two of an edge.
    assert changed[own].mean() > 0.85
    assert changed[~own].mean() < 0.06


def test_colors_are_those_of_the_hues(images):
    """The top of the cube is lit from above, and the sky is the published one."""
    hues = np.repeat(np.arange(10)[:, np.newaxis], 3, axis=1)
    rows = np.concatenate([hues, np.tile([3, 1, 5], (10, 1))], axis=1)
    drawn = images[shapes3d.FACTORS.to_index(rows)]
    np.testing.assert_array_equal(drawn[:, 1, 32], np.tile([153, 226, 249], (10, 1)))
    seen = drawn[:, 60, 5].astype(float)
    expected = shapes3d._LEVELS / 5
    np.testing.assert_allclose(seen / seen.max(axis=1, keepdims=True), expected, atol=0.25)


def test_load_stores_only_maps(tmp_path, monkeypatch):
    block = geometry_maps(3, 1, 5)
    monkeypatch.setattr(shapes3d, "_geometry_maps", lambda *_: block)
    data = shapes3d.load(tmp_path)
    assert data.image_shape == (64, 64, 3)
    assert len(data) == 480_000
    np.testing.assert_array_equal(data.images(np.array([7, 479_999])).shape, (2, 64, 64, 3))
    maps = tmp_path / "shapes3d" / "images.npy"
    assert maps.stat().st_size < 80_000_000
    # As of the published digest, which is that of the file.
    assert data.digest == hashlib.sha256(maps.read_bytes()).hexdigest()
    monkeypatch.setattr(shapes3d, "_geometry_maps", lambda *_: pytest.fail("drawn again"))
    assert shapes3d.load(tmp_path).digest == data.digest


def test_all_maps(tmp_path):
    data = shapes3d.load(tmp_path)
    assert data.digest == shapes3d.DIGEST
    # Images with all factors different from each other: none is drawn twice.
    indices = np.random.default_rng(0).choice(len(data), 2000, replace=False)
    assert len({image.tobytes() for image in data.images(indices)}) == 2000
