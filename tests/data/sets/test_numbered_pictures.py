import numpy as np
import pytest
from PIL import Image

import tfvae.data
from tfvae.data import FactorSpace, FactorTable
from tfvae.data.sets.numbered_pictures import FALCOR3D, ISAAC3D

RNG = np.random.default_rng(0)
# What an image of the first values changes to where its number grows by this much: the authors' strides.
STRIDES = {
    "isaac3d": (245_760, 30_720, 6_144, 1_536, 384, 96, 16, 4, 1),
    "falcor3d": (46_656, 7_776, 1_296, 216, 36, 6, 1),
}
SPACES = {"isaac3d": ISAAC3D, "falcor3d": FALCOR3D}


def write(root, numbers):
    """Pictures of one colour each, in the layout of the archives; returns the colours."""
    folder = root / "Scene3D_down128" / "images"
    folder.mkdir(parents=True)
    colours = RNG.integers(0, 256, (len(numbers), 3), np.uint8)
    for number, colour in zip(numbers, colours, strict=True):
        Image.fromarray(np.broadcast_to(colour, (16, 16, 3))).save(folder / f"{number:06}.png")
    np.save(root / "Scene3D_down128" / "labels.npy", np.zeros(3))  # not read
    return colours


@pytest.mark.parametrize("kind", SPACES)
def test_a_number_is_a_place_in_the_authors_grid(tmp_path, kind):
    assert {"isaac3d": 737_280, "falcor3d": 233_280}[kind] == len(SPACES[kind])
    numbers = sorted({0, *STRIDES[kind], sum(STRIDES[kind])})
    colours = write(tmp_path, numbers)
    data = tfvae.data.load(f"{kind}:{tmp_path}?size=16", cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorTable)  # most combinations have no picture
    assert data.name == f"{kind}:{tmp_path}"
    every = np.arange(len(numbers))
    np.testing.assert_array_equal(
        data.images(every), np.broadcast_to(colours[:, None, None], (len(numbers), 16, 16, 3))
    )
    values = data.factors.values_of(every)
    for factor, (name, stride) in enumerate(zip(data.factors.names, STRIDES[kind], strict=True)):
        assert name == SPACES[kind].names[factor]
        steps = len(SPACES[kind].values[factor]) - 1
        expected = np.array([number in (stride, sum(STRIDES[kind])) for number in numbers])
        np.testing.assert_allclose(values[:, factor], expected / steps)


def test_isaac3d_has_the_factors_of_the_authors_program():
    assert dict(zip(ISAAC3D.names, ISAAC3D.sizes, strict=True)) == {
        "object_shape": 3,
        "robot_x": 8,
        "robot_y": 5,
        "camera_height": 4,
        "object_scale": 4,
        "lighting_intensity": 4,
        "lighting_y": 6,
        "object_color": 4,
        "wall_color": 4,
    }


def test_all_pictures_of_some_values_are_a_grid(tmp_path):
    numbers = [4 * color + wall for color in range(4) for wall in range(4)]
    colours = write(tmp_path, numbers)
    data = tfvae.data.load(f"isaac3d:{tmp_path / 'Scene3D_down128' / 'images'}?size=8", cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorSpace)
    assert data.scored_factors == ("object_color", "wall_color")
    np.testing.assert_allclose(data.factors.values[-1], [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_array_equal(data.images(np.arange(16))[:, 3, 3], colours)


def test_folders_of_other_pictures_are_refused(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"Expected pictures 000000\.png to 233279\.png, .*Received: none in"):
        tfvae.data.load(f"falcor3d:{tmp_path}")
    with pytest.raises(FileNotFoundError, match="Expected a folder"):
        tfvae.data.load(f"falcor3d:{tmp_path / 'none'}")
    write(tmp_path, [233_280])
    with pytest.raises(ValueError, match=r"each number below 233,280, those of falcor3d\. Received: .*233280\.png$"):
        tfvae.data.load(f"falcor3d:{tmp_path}")
    write(tmp_path / "twice", [233_280])
    with pytest.raises(ValueError, match=r"of isaac3d\. Received: .*233280\.png, of whose number there are others"):
        tfvae.data.load(f"isaac3d:{tmp_path}")
