import base64
import io

import numpy as np
import pytest
from PIL import Image

from tfvae.data import images as module
from tfvae.data.images import ImageData, to_uint8

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 4, 3, 2), np.uint8)
LEVELS = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)


def test_images_have_no_factors():
    data = ImageData("some", PIXELS)
    assert data.factors is None
    assert data.scored_factors == ()


def test_scaled_images_are_levels_divided_by_255():
    scaled = ImageData("levels", LEVELS).scaled(np.array([3, 0]))
    assert scaled.dtype == np.float32
    expected = [[np.float32(level) / np.float32(255) for level in image.ravel()] for image in LEVELS[[3, 0]]]
    np.testing.assert_array_equal(scaled.reshape(2, -1), expected)
    assert (scaled.max(), scaled.min()) == (1, 0)


@pytest.mark.parametrize("number", [0, 1, 7, 19, 20, 21])
def test_random_indices_are_distinct_and_sorted(number):
    used = np.random.default_rng(3)
    drawn = ImageData("some", PIXELS).random_indices(number, used)
    assert len(drawn) == min(number, 20)
    assert (np.diff(drawn) > 0).all()
    rng = np.random.default_rng(3)
    expected = rng.choice(20, number, replace=False).tolist() if number < 20 else range(20)
    np.testing.assert_array_equal(drawn, sorted(expected))
    assert used.random() == rng.random()


def test_random_indices_are_uniform():
    rng = np.random.default_rng(0)
    data = ImageData("some", PIXELS)
    counts = np.bincount(np.concatenate([data.random_indices(5, rng) for _ in range(4000)]), minlength=20)
    # Binomial counts of mean 1000 and deviation sqrt(4000 * 0.25 * 0.75) = 27: five deviations.
    np.testing.assert_allclose(counts, 1000, atol=137)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_in_0_to_1_become_bytes(dtype, monkeypatch):
    monkeypatch.setattr(module, "rows_of_a_block", lambda *_: 3)
    converted = ImageData("levels", (LEVELS / 255).astype(dtype)).images(np.arange(4))
    assert converted.dtype == np.uint8
    np.testing.assert_array_equal(converted, LEVELS)
    between = np.array([0.1 / 255, 0.4 / 255, 0.6 / 255, 254.7 / 255], dtype).reshape(4, 1, 1, 1)
    np.testing.assert_array_equal(to_uint8(between).ravel(), [0, 0, 1, 255])


def test_booleans_are_black_and_white():
    np.testing.assert_array_equal(ImageData("some", PIXELS > 99).images(np.arange(20)), 255 * np.uint8(PIXELS > 99))


def test_bytes_are_not_copied():
    assert to_uint8(PIXELS) is PIXELS


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (PIXELS[0], ValueError, r"shape \[N, H, W, C\].*shape=\(4, 3, 2\)"),
        (PIXELS[:0], ValueError, r"none of them 0.*shape=\(0, 4, 3, 2\)"),
        (PIXELS.astype(np.int64), TypeError, r"dtype uint8 .*int64; .*images\.astype\(np\.uint8\)"),
        (PIXELS / 1.0, ValueError, r"in \[0, 1\].*divide by 255.*maximum=25\d"),
        (PIXELS / -255, ValueError, r"in \[0, 1\].*minimum=-"),
        (np.where(PIXELS > 9, 0.5, np.nan), ValueError, "without NaN.*minimum=nan"),
        (np.uint8(PIXELS > 99), ValueError, r"Received: maximum=1; .*images\.astype\(bool\)"),
        (PIXELS.tolist(), TypeError, r"Received: a list; np\.stack"),
    ],
)
def test_wrong_images_are_refused(images, error, message):
    with pytest.raises(error, match=message):
        ImageData("some", images)


def test_images_with_channels_first_cause_a_warning():
    with pytest.warns(UserWarning, match=r"shape=\(2, 3, 8, 8\), taken as 8 channels.*transpose\(0, 2, 3, 1\)"):
        ImageData("some", np.zeros([2, 3, 8, 8], np.uint8))
    for shape in ([2, 3, 3, 3], [2, 8, 8, 8], [2, 3, 4, 4], [2, 1, 8, 6]):
        ImageData("some", np.zeros(shape, np.uint8))


def test_images_are_nearly_black_only_if_all_are(monkeypatch):
    monkeypatch.setattr("tfvae.data.images.rows_of_a_block", lambda *_: 1)
    dark = np.zeros([3, 2, 2, 1], np.uint8)
    dark[0] = 1
    with pytest.raises(ValueError, match="maximum=1"):
        ImageData("some", dark)
    dark[2] = 2
    ImageData("some", dark)


def test_images_of_a_store_are_read_as_they_are_requested():
    class Store:
        shape = (10**12, 4, 3, 2)

        def __getitem__(self, indices):
            return PIXELS[indices % 20]

    data = ImageData("large", Store(), digest="known")
    np.testing.assert_array_equal(data.images(np.array([10**11 + 3])), PIXELS[[3]])
    assert data.in_graph() is None


def test_a_block_has_few_rows_if_they_are_large():
    assert module.rows_of_a_block((64, 64, 1)) == 1024
    assert module.rows_of_a_block((1024, 1024, 3), np.float32) == 1
    assert module.rows_of_a_block((256, 256, 3), np.float32) * 256 * 256 * 3 * 4 <= 2**24
    assert module.rows_of_a_block((10**6, 10**6, 3)) == 1
    assert module.rows_of_a_block(()) == 1024


def test_data_show_themselves_with_their_first_images():
    images = np.random.default_rng(0).integers(2, 256, (9, 5, 4, 1), np.uint8)
    data = ImageData("<mine>", images)
    assert repr(data) == "<ImageData <mine>: 9 images of 5 x 4, grey>"
    shown = data._repr_html_()
    assert "&lt;mine&gt;" in shown
    encoded = base64.b64decode(shown.partition("base64,")[2].partition('"')[0])
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    for k in range(8):
        np.testing.assert_array_equal(pixels[:, 5 * k : 5 * k + 4], np.broadcast_to(images[k], (5, 4, 3)))
    assert pixels.shape == (5, 40, 3)
    assert "<img" not in ImageData("table", np.zeros((3, 2)))._repr_html_()
    assert "<img" not in ImageData("deep", np.zeros((3, 2, 2, 5), np.uint8))._repr_html_()
