import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from tfvae.plots import tiles
from tfvae.plots.figures import save_figure


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1, 3])
def test_a_saved_image_is_exact_to_the_pixel(tmp_path, channels, scale):
    rng = np.random.default_rng(0)
    images = rng.random((5, 7, 9, channels))
    figure = tiles.new_figure(173, 131)
    corners = [(0, 0), (41, 3), (81, 29), (7, 71), (145, 109)]
    for (x, y), image in zip(corners, images, strict=True):
        tiles.add_image(figure, x, y, image, scale)
    save_figure(figure, tmp_path / "figure.png")

    expected = np.full((131, 173, 3), 255, np.uint8)
    for (x, y), image in zip(corners, images, strict=True):
        for row in range(min(7 * scale, 131 - y)):
            for column in range(min(9 * scale, 173 - x)):
                expected[y + row, x + column] = np.round(255 * image[row // scale, column // scale])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "figure.png").convert("RGB")), expected)
    np.testing.assert_array_equal(tiles.rendered(figure), expected)
    assert not figure.axes  # each takes ten times as long as its image


def test_images_grow_with_the_dpi_of_a_figure():
    figure = tiles.new_figure(40, 30)
    tiles.add_image(figure, 10, 8, np.random.default_rng(0).random((4, 6, 3)), 3)
    drawn = tiles.rendered(figure)
    figure.set_dpi(2 * figure.dpi)
    np.testing.assert_array_equal(tiles.rendered(figure), drawn.repeat(2, axis=0).repeat(2, axis=1))


def test_a_frame_surrounds_a_tile_without_covering_it():
    figure = tiles.new_figure(40, 30)
    tiles.add_frame(figure, 10, 8, 16, 12)
    drawn = tiles.rendered(figure)
    ink = (drawn != 255).any(axis=-1)
    assert not ink[8:20, 10:26].any()
    np.testing.assert_array_equal(drawn[7, 10:26], np.broadcast_to(tiles.ACCENT, (16, 3)))
    ink[6:22, 8:28] = False
    assert not ink.any()


def test_text_is_centred_at_its_position():
    figure = tiles.new_figure(120, 60)
    tiles.add_text(figure, 80, 20, "HHHH")
    rows, columns = np.nonzero((tiles.rendered(figure) < 128).all(axis=-1))
    assert abs((columns.min() + columns.max() + 1) / 2 - 80) <= 1
    assert abs((rows.min() + rows.max() + 1) / 2 - 20) <= 2


def test_levels_are_clipped_and_a_scale_of_0_is_refused():
    np.testing.assert_array_equal(tiles.pixels(np.array([[[-0.2], [0.5], [1.3]]]), 1)[0, :, 0], [0, 128, 255])
    with pytest.raises(ValueError, match=r"at least 1. Received: scale=0"):
        tiles.pixels(np.zeros((2, 2, 1)), 0)


def test_a_figure_gives_the_same_bytes_and_needs_no_backend(tmp_path):
    before = matplotlib.get_backend(auto_select=False), "matplotlib.pyplot" in sys.modules
    for name in ("one.png", "two.png"):
        figure = tiles.new_figure(50, 40)
        tiles.add_text(figure, 25, 20, "z3")
        save_figure(figure, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert (matplotlib.get_backend(auto_select=False), "matplotlib.pyplot" in sys.modules) == before


def test_a_failed_write_keeps_the_file_that_was_there(tmp_path, monkeypatch):
    (tmp_path / "figure.png").write_bytes(b"old")

    def fail(canvas, file, **options):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(tiles.FigureCanvasAgg, "print_png", fail)
    with pytest.raises(OSError, match="no space left"):
        save_figure(tiles.new_figure(10, 10), tmp_path / "figure.png")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("figure.png", b"old")]
