import hashlib
import os
import struct

import numpy as np
import pytest

from tests.data.drawing.test_rasterizer import sphere
from tfvae.data.drawing.morphable_model import read_model
from tfvae.data.factors import FactorSpace
from tfvae.data.sets import faces


def write_model(path, components=3, triangles=None):
    """An ellipsoid in the format of eos, whose first component stretches it along x."""
    vertices, corners = sphere(24)
    mean = vertices * [60.0, 80.0, 70.0] + [0, 10, -30]
    basis = np.random.default_rng(0).normal(size=(mean.size, components))
    basis[:, 0] = (vertices * [1, 0, 0]).ravel()
    basis = np.linalg.qr(basis)[0] * -1
    matrices = [mean.reshape(-1, 1), basis, np.array([[900.0], [4.0], [1.0]])[:components]]
    content = struct.pack("<i", 1)
    for matrix in matrices:
        content += struct.pack("<ii", *matrix.shape) + matrix.T.astype("<f4").tobytes()
    corners = corners if triangles is None else triangles
    path.write_bytes(content + struct.pack("<Q", len(corners)) + corners.astype("<i4").tobytes() + b"more")
    return mean, basis, vertices


@pytest.fixture
def model(tmp_path):
    write_model(tmp_path / "model.bin")
    return tmp_path / "model.bin"


@pytest.fixture
def small(monkeypatch):
    values = faces.FACTORS.values
    factors = FactorSpace(faces.FACTORS.names, (values[0][:2], values[1][::10], values[2][::10], values[3]))
    monkeypatch.setattr(faces, "FACTORS", factors)
    return factors


def test_a_model_that_was_written_is_read(tmp_path):
    mean, basis, _ = write_model(tmp_path / "model.bin")
    read = read_model(tmp_path / "model.bin")
    np.testing.assert_allclose(read.mean, mean, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(read.deviations[..., 0].ravel(), 30 * basis[:, 0], atol=1e-5)
    np.testing.assert_array_equal(read.triangles, sphere(24)[1])


@pytest.mark.parametrize("keep", [0, 3, 10, 5000, 20000])
def test_a_model_that_is_cut_off(model, keep):
    content = model.read_bytes()
    model.write_bytes(content[:keep])
    with pytest.raises(
        ValueError, match=rf"Expected a face model.*eos.*Received: .*model\.bin' with {keep} bytes: it is"
    ):
        read_model(model)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text").write_text("This is some text, not a face. " * 30)
    np.save(tmp_path / "array.npy", np.zeros((20, 20)))
    (tmp_path / "zeros").write_bytes(bytes(5000))
    for name in ("text", "array.npy", "zeros"):
        with pytest.raises(ValueError, match="Expected a face model"):
            read_model(tmp_path / name)
    write_model(tmp_path / "beyond", triangles=np.array([[0, 1, 99999]]))
    with pytest.raises(ValueError, match="beyond the 1200 vertices"):
        read_model(tmp_path / "beyond")


def test_no_model(tmp_path, monkeypatch):
    monkeypatch.delenv("TFVAE_FACE_MODEL", raising=False)
    with pytest.raises(FileNotFoundError, match=r"TFVAE_FACE_MODEL.*patrikhuber/eos"):
        faces.load(cache=tmp_path)
    with pytest.raises(FileNotFoundError, match="no file at"):
        faces.load(tmp_path / "absent", cache=tmp_path)


def test_factors_have_the_sizes_of_chen_et_al():
    assert faces.FACTORS.names == ("identity", "azimuth", "elevation", "lighting")
    assert faces.FACTORS.sizes == (50, 21, 11, 11)
    assert len(faces.FACTORS) == 127_050


def test_light_from_the_left_mirrors_light_from_the_right(model):
    """The ellipsoid is its own mirror image."""
    drawn = faces.draw(read_model(model), np.zeros(1), 0.0, 0.0)[..., 0].astype(int)
    np.testing.assert_allclose(drawn, drawn[::-1, :, ::-1], atol=6)
    half = drawn[:, :, :32].sum((1, 2)) - drawn[:, :, 32:].sum((1, 2))
    assert half[0] > 20_000
    # At the ends the terminator passes over the brighter half too.
    assert (np.diff(half[2:-2]) < 0).all()
    assert abs(half[5]) < 500


def test_level_at_a_point_is_lamberts_law(model):
    """In the middle the ellipsoid faces the viewer: the light from the front is 20 degrees above."""
    drawn = faces.draw(read_model(model), np.zeros(1), 0.0, 0.0)[..., 0]
    middle = drawn[5, 31:33, 31:33].astype(float).mean()
    assert middle == pytest.approx(255 * (0.15 + 0.85 * np.cos(np.radians(20))), abs=2)


def test_components_and_rotations_move_the_outline(model):
    face = read_model(model)
    plain, wide, turned = (
        faces.draw(face, np.array([c]), azimuth, 0.0)[5, ..., 0] > 0 for c, azimuth in ((0.0, 0), (2.0, 0), (0.0, 75))
    )
    across = [image.any(axis=0).sum() for image in (plain, wide, turned)]
    up = [image.any(axis=1).sum() for image in (plain, wide, turned)]
    assert across[1] != across[0]
    # From the side, the ellipsoid of half axes 60 and 70 is nearly 70 wide.
    assert across[2] / across[0] == pytest.approx(np.hypot(60 * np.cos(1.309), 70 * np.sin(1.309)) / 60, abs=0.06)
    assert up[0] == up[2]


def test_load_draws_in_the_order_of_the_factors_and_once(model, small, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    data = faces.load(model, cache=cache)
    assert len(data) == 2 * 3 * 2 * 11
    person = np.random.default_rng(0).standard_normal((2, 3))[1]
    expected = faces.draw(read_model(model), person, 0.0, 30.0)
    rows = np.array([[1, 1, 1, lighting] for lighting in range(11)])
    np.testing.assert_array_equal(data.images_of(rows), expected)

    # Digests of earlier versions were those of the whole file.
    np.save(tmp_path / "images.npy", data.images(np.arange(len(data))))
    assert data.digest == hashlib.sha256((tmp_path / "images.npy").read_bytes()).hexdigest()
    monkeypatch.setenv("TFVAE_FACE_MODEL", str(model))
    monkeypatch.setattr(faces, "draw", lambda *_: pytest.fail("drawn again"))
    assert faces.load(cache=cache).digest == data.digest


def test_each_model_has_its_own_cache(model, small, tmp_path):
    other = tmp_path / "other.bin"
    write_model(other, components=2)
    faces.load(model, cache=tmp_path / "cache")
    faces.load(other, cache=tmp_path / "cache")
    assert len(os.listdir(tmp_path / "cache")) == 2
