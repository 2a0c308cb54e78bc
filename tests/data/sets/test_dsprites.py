import hashlib
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tfvae.data.factors import FactorSpace
from tfvae.data.sets import dsprites

DIGESTS = json.loads((Path(__file__).parent / "dsprites_digests.json").read_text())["sha256"]


@pytest.fixture(scope="module")
def squares() -> tuple[FactorSpace, np.ndarray]:
    """The squares of two scales in two orientations, drawn one by one: a space of 4,096 images, and their bits."""
    values = dsprites.FACTORS.values
    factors = FactorSpace(dsprites.FACTORS.names, (values[0], values[1][:1], values[2][:2], values[3][:2], *values[4:]))
    images = dsprites.draw(factors.to_factors(np.arange(len(factors))))
    return factors, np.packbits(images.reshape(len(images), -1), axis=-1)


@pytest.fixture
def small(monkeypatch, squares) -> FactorSpace:
    """Makes `load` draw only these squares."""
    factors, bits = squares
    monkeypatch.setattr(dsprites, "FACTORS", factors)
    monkeypatch.setattr(dsprites, "DIGEST", hashlib.sha256(bits).hexdigest())
    return factors


def test_factors_are_those_published():
    assert dsprites.FACTORS.names == ("color", "shape", "scale", "orientation", "posX", "posY")
    assert dsprites.FACTORS.sizes == (1, 3, 6, 40, 32, 32)
    assert len(dsprites.FACTORS) == 737_280
    values = dict(zip(dsprites.FACTORS.names, dsprites.FACTORS.values, strict=True))
    np.testing.assert_array_equal(values["color"], [1])
    np.testing.assert_array_equal(values["shape"], [1, 2, 3])
    np.testing.assert_allclose(values["scale"], [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    np.testing.assert_allclose(values["orientation"][[0, 1, 39]], [0.0, 2 * np.pi / 39, 2 * np.pi])
    np.testing.assert_allclose(values["posX"][[0, 1, 31]], [0.0, 1 / 31, 1.0])


def test_images_are_the_published_ones_bit_for_bit():
    indices = np.array([int(index) for index in DIGESTS])
    images = dsprites.draw(dsprites.FACTORS.to_factors(indices))
    drawn = [hashlib.sha256(np.packbits(image)).hexdigest() for image in images]
    assert drawn == list(DIGESTS.values())


def test_pixels_are_black_or_white():
    images = dsprites.draw(dsprites.FACTORS.sample_factors(20, np.random.default_rng(0)))
    assert images.shape == (20, 64, 64, 1)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(np.unique(images), [0, 255])


def test_areas_are_those_of_the_sprites():
    """The square's area is (19.2 s)^2, the ellipse's pi 9.6^2 s^2, and the heart's by the integral of x dy."""
    t = np.linspace(0.0, 2 * np.pi, 10_001)
    height = (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 14.5
    heart = abs(np.trapezoid(9.6 * np.sin(t) ** 3, 9.6 * height))
    rng = np.random.default_rng(0)
    for shape, area in enumerate([19.2**2, np.pi * 9.6**2, heart]):
        for scale in range(6):
            factors = dsprites.FACTORS.sample_factors(50, rng, fix={"shape": shape, "scale": scale})
            white = dsprites.draw(factors).mean() / 255 * 64 * 64
            assert white == pytest.approx(area * (0.5 + 0.1 * scale) ** 2, rel=0.01)


def test_centres_are_where_the_factors_say():
    """A square's centre of mass is its centre: posX goes right, posY down."""
    factors = dsprites.FACTORS.sample_factors(100, np.random.default_rng(0), fix={"shape": 0})
    images = dsprites.draw(factors)[..., 0] / 255.0
    mass = images.sum((1, 2))
    centre = np.arange(64) + 0.5
    # Half a pixel's rounding at each edge averages out to much less over ten and more rows.
    np.testing.assert_allclose(images.sum(1) @ centre / mass, 16 + 32 * factors[:, 4] / 31, atol=0.3)
    np.testing.assert_allclose(images.sum(2) @ centre / mass, 16 + 32 * factors[:, 5] / 31, atol=0.3)


def test_a_drawing_equals_that_of_a_naive_loop_over_pixels():
    """A centre is inside a polygon if a ray to its left crosses the outline an odd number of times."""
    for factors in ([0, 2, 3, 5, 10, 20], [0, 1, 5, 7, 3, 30]):
        _, shape, scale, turn, x, y = factors
        corners = []
        for px, py in dsprites._outline(shape) * (0.5 + 0.1 * scale):
            a = 2 * np.pi * turn / 39
            u = px * np.cos(a) + py * np.sin(a) + 16 + 32 * x / 31
            v = -px * np.sin(a) + py * np.cos(a) + 16 + 32 * y / 31
            corners.append((round(u * 256) / 256, round(v * 256) / 256))
        expected = np.zeros((64, 64), np.uint8)
        edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
        for row in range(64):
            crossings = [
                u0 + (row + 0.5 - v0) / (v1 - v0) * (u1 - u0)
                for (u0, v0), (u1, v1) in edges
                if min(v0, v1) < row + 0.5 <= max(v0, v1)
            ]
            for column in range(64):
                if sum(crossing <= column + 0.5 for crossing in crossings) % 2:
                    expected[row, column] = 255
        np.testing.assert_array_equal(dsprites.draw(np.array([factors]))[0, ..., 0], expected)


def test_the_last_orientation_equals_the_first():
    first, last = (
        dsprites.draw(dsprites.FACTORS.sample_factors(10, np.random.default_rng(0), fix={"orientation": turn}))
        for turn in (0, 39)
    )
    np.testing.assert_array_equal(first, last)


def test_wrong_factors():
    with pytest.raises(ValueError, match=r"Expected posY in 0 \.\. 31\. Received: posY=32"):
        dsprites.draw(np.array([[0, 0, 0, 0, 0, 32]]))


def test_load_draws_once(small, tmp_path, monkeypatch, capsys):
    data = dsprites.load(tmp_path)
    assert data.name == "dsprites"
    assert data.image_shape == (64, 64, 1)
    assert data.scored_factors == ("scale", "orientation", "posX", "posY")
    assert os.listdir(tmp_path) == ["dsprites"]
    indices = np.random.default_rng(0).integers(0, len(data), 50)
    np.testing.assert_array_equal(data.images(indices), dsprites.draw(small.to_factors(indices)))
    assert capsys.readouterr().err == ""

    monkeypatch.setattr(dsprites, "_draw_block", lambda *_: pytest.fail("drawn again"))
    np.testing.assert_array_equal(dsprites.load(tmp_path).images(indices), data.images(indices))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_the_progress_of_filling_the_default_cache(small, tmp_path, monkeypatch):
    monkeypatch.setenv("TFVAE_CACHE", str(tmp_path))
    first, second = Terminal(), Terminal()
    for terminal in (first, second):
        monkeypatch.setattr(sys, "stderr", terminal)
        dsprites.load()
    assert "Drawing dSprites: 100%" in first.getvalue()
    assert second.getvalue() == ""


def test_a_log_file_shows_no_bar(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TFVAE_CACHE", str(tmp_path))
    dsprites.load()
    assert tuple(capsys.readouterr()) == ("", "")


@pytest.mark.parametrize("damage", ["flip", "truncate"])
def test_a_damaged_cache_is_reported_and_drawn_again(small, tmp_path, damage):
    path = tmp_path / "dsprites" / "images.npy"
    dsprites.load(tmp_path)
    whole = path.read_bytes()
    if damage == "flip":
        path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 16]) + whole[5001:])
    else:
        path.write_bytes(whole[:-512])
    with pytest.warns(UserWarning, match="dsprites is damaged and is made again"):
        dsprites.load(tmp_path)
    assert path.read_bytes() == whole


def test_a_file_of_an_earlier_version_is_ignored(small, tmp_path):
    (tmp_path / "dsprites.npy").write_bytes(b"old")
    assert len(dsprites.load(tmp_path)) == len(small)
    assert (tmp_path / "dsprites.npy").read_bytes() == b"old"


def test_a_wrong_drawing_is_not_kept(small, tmp_path, monkeypatch):
    monkeypatch.setattr(dsprites, "_outline", lambda shape: np.array([[-5.0, -5.0], [5.0, -5.0], [0.0, 5.0]]))
    with pytest.raises(RuntimeError, match=rf"SHA-256 {dsprites.DIGEST}\. Received: [0-9a-f]{{64}}\."):
        dsprites.load(tmp_path)
    assert not os.listdir(tmp_path)


def test_all_images(tmp_path):
    """The published mean, 0.042494423521889584, gives 128,328,862 white pixels; the drawing has two more."""
    data = dsprites.load(tmp_path)
    bits = np.load(tmp_path / "dsprites" / "images.npy", mmap_mode="r")
    assert sum(int(np.bitwise_count(block).sum(dtype=np.int64)) for block in np.split(bits, 720)) == 128_328_864

    turning = bits.reshape(18, 40, 1024, 512)[:, :39]
    distinct = {hashlib.md5(image).digest() for block in turning for image in block.reshape(-1, 512)}
    assert (turning.size // 512, len(distinct)) == (718_848, 715_706)
    for index, digest in DIGESTS.items():
        assert hashlib.sha256(bits[int(index)]).hexdigest() == digest

    indices = np.random.default_rng(0).integers(0, len(data), 300)
    np.testing.assert_array_equal(data.images(indices), dsprites.draw(data.factors.to_factors(indices)))
