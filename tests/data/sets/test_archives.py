"""3D Chairs and 3D Cars, from small archives with the published layouts."""

import numpy as np
import pytest
import scipy.io
from PIL import Image

import tfvae.data
from tfvae.data.factor_table import FactorTable
from tfvae.data.factors import FactorSpace

RNG = np.random.default_rng(0)
ELEVATIONS, AZIMUTHS = (20, 30), (0, 11, 23)


def colours(*shape):
    return RNG.integers(0, 256, (*shape, 3), np.uint8)


@pytest.fixture
def chairs(tmp_path):
    """Each picture has one colour in the middle 400 x 400 pixels, and is white outside."""
    inside = colours(2, 2, 3)
    for model, name in enumerate(["1a6f", "d3ff"]):
        folder = tmp_path / "rendered_chairs" / name / "renders"
        folder.mkdir(parents=True)
        for view in range(6):
            elevation, azimuth = divmod(view, 3)
            picture = np.full((600, 600, 3), 255, np.uint8)
            picture[100:500, 100:500] = inside[model, elevation, azimuth]
            name = f"image_{view:03}_p{ELEVATIONS[elevation]:03}_t{AZIMUTHS[azimuth]:03}_r096.png"
            Image.fromarray(picture).save(folder / name)
    (tmp_path / "rendered_chairs" / "all_chair_names.mat").write_bytes(b"not read")
    return inside


def test_complete_chairs_are_a_grid(tmp_path, chairs):
    data = tfvae.data.load(f"chairs:{tmp_path / 'rendered_chairs'}", cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorSpace)
    assert data.factors.names == ("model", "elevation", "azimuth")
    np.testing.assert_array_equal(data.factors.values[1], ELEVATIONS)
    np.testing.assert_array_equal(data.factors.values[2], AZIMUTHS)
    expected = np.broadcast_to(chairs.reshape(12, 1, 1, 3), (12, 64, 64, 3))
    np.testing.assert_array_equal(data.images(np.arange(12)), expected)
    whole = tfvae.data.load(f"chairs:{tmp_path}?crop=null&size=96", cache=tmp_path / "cache").images(np.arange(12))
    assert (whole[:, 0] == 255).all()


def test_incomplete_chairs_are_a_table(tmp_path, chairs):
    (tmp_path / "rendered_chairs" / "1a6f" / "renders" / "image_001_p020_t011_r096.png").unlink()
    data = tfvae.data.load(f"chairs:{tmp_path}", cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorTable)
    rows = data.factors.to_factors(np.arange(11))
    np.testing.assert_array_equal(data.images(np.arange(11))[:, 0, 0], chairs[tuple(rows.T)])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"Expected the unpacked rendered_chairs\.tar"):
        tfvae.data.load(f"chairs:{tmp_path / 'empty'}")


def test_cars_are_a_grid_of_their_views(tmp_path):
    inside = colours(2, 24, 4)
    (tmp_path / "cars").mkdir()
    for model in range(2):
        images = np.broadcast_to(inside[model].transpose(2, 0, 1), (128, 128, 3, 24, 4))
        scipy.io.savemat(tmp_path / "cars" / f"car_{model:03}_mesh.mat", {"im": images})
    data = tfvae.data.load(f"cars3d:{tmp_path}", cache=tmp_path / "cache")
    assert (data.factors.names, data.factors.sizes) == (("elevation", "azimuth", "model"), (4, 24, 2))
    expected = inside.transpose(2, 1, 0, 3).reshape(-1, 1, 1, 3)
    np.testing.assert_array_equal(data.images(np.arange(192)), np.broadcast_to(expected, (192, 64, 64, 3)))


def test_broken_cars_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no \.mat file"):
        tfvae.data.load(f"cars3d:{tmp_path}")
    (tmp_path / "1.mat").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"Expected a MATLAB file\. Received: .*1\.mat"):
        tfvae.data.load(f"cars3d:{tmp_path}")
    scipy.io.savemat(tmp_path / "1.mat", {"picture": np.zeros(3)})
    with pytest.raises(ValueError, match="Expected the array 'im'"):
        tfvae.data.load(f"cars3d:{tmp_path}")
    (tmp_path / "1.mat").unlink()
    (tmp_path / "1.mat").symlink_to("/dev/null")  # as a pipe, of which a read would wait for ever
    with pytest.raises(ValueError, match=r"1\.mat: ValueError: it is not a regular file"):
        tfvae.data.load(f"cars3d:{tmp_path}")
