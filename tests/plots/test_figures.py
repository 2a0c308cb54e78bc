import io
import re

import numpy as np
import pytest
from PIL import Image

from tfvae.plots import axes, tiles
from tfvae.plots.figures import save_figure


def chart():
    figure, (one,) = axes.new_axes(1, 1)
    one.plot([0, 1], [0, 1], label="a line")
    return figure


def tile():
    figure = tiles.new_figure(60, 50)
    tiles.add_image(figure, 10, 5, np.random.default_rng(0).random((8, 8, 3)), 4)
    tiles.add_text(figure, 30, 45, "z3")
    return figure


@pytest.mark.parametrize("make", [chart, tile])
def test_a_figure_shows_itself_as_png(make):
    shown = np.asarray(Image.open(io.BytesIO(make()._repr_png_())).convert("RGB"))
    np.testing.assert_array_equal(shown, tiles.rendered(make()))


@pytest.mark.parametrize("make", [chart, tile])
@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_the_same_figure_gives_the_same_bytes_in_every_format(make, suffix, tmp_path):
    for name in ("one", "two"):
        save_figure(make(), tmp_path / f"{name}{suffix}")
    content = (tmp_path / f"one{suffix}").read_bytes()
    assert content == (tmp_path / f"two{suffix}").read_bytes()
    assert content.startswith({".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}[suffix])


def test_a_png_is_that_of_the_figure_itself(tmp_path):
    save_figure(tile(), tmp_path / "tile.png")
    pixels = np.asarray(Image.open(tmp_path / "tile.png").convert("RGB"))
    np.testing.assert_array_equal(pixels, tiles.rendered(tile()))


def test_a_pdf_has_the_size_and_the_pixels_of_the_figure(tmp_path):
    save_figure(tile(), tmp_path / "tile.pdf")
    content = (tmp_path / "tile.pdf").read_bytes()
    width, height = map(float, re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content).groups())
    assert (width, height) == pytest.approx((60 * 0.72, 50 * 0.72))
    # The tile of 8 x 8 pixels at scale 4, not resampled to fewer.
    assert b"/Width 32" in content
    assert b"/Height 32" in content


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.png, \.pdf, \.svg\. Received: .*\.jpg"):
        save_figure(tile(), tmp_path / "figure.jpg")
    assert not list(tmp_path.iterdir())
