import numpy as np
import pytest

from tfvae.data import FactorTable, GroundTruthData, ImageData, as_image_data
from tfvae.data.sets import arrays

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 4, 3, 2), np.uint8)


def every(data):
    return data.images(np.arange(len(data)))


def test_image_data_is_returned_as_it_is():
    data = ImageData("some", PIXELS)
    assert as_image_data(data) is data


@pytest.mark.parametrize("images", [PIXELS, PIXELS[..., 0]], ids=["colour", "grey without channels"])
def test_images_become_image_data(images):
    data = as_image_data(images)
    assert (type(data), data.name, data.factors) == (ImageData, "array", None)
    np.testing.assert_array_equal(every(data), images.reshape(20, 4, 3, -1))


@pytest.mark.parametrize("images", [PIXELS, PIXELS / 255, RNG.random((5, 4, 4)), PIXELS > 99])
def test_an_array_is_converted_as_from_a_file(images, tmp_path):
    np.savez(tmp_path / "x.npz", images=images)
    np.testing.assert_array_equal(every(as_image_data(images)), every(arrays.load(tmp_path / "x.npz", cache=tmp_path)))


def test_a_pair_becomes_ground_truth_data():
    table = np.stack([np.arange(20) % 4, RNG.random(20)], axis=-1)
    data = as_image_data((PIXELS, table))
    assert isinstance(data, GroundTruthData)
    assert isinstance(data.factors, FactorTable)
    assert (data.name, data.factors.names, data.factors.continuous) == ("array", ("factor0", "factor1"), (False, True))
    np.testing.assert_array_equal(data.factors.values_of(np.arange(20)), table)
    np.testing.assert_array_equal(every(data), PIXELS)
    frame = pytest.importorskip("pandas").DataFrame(table, columns=["kind", "age"])
    assert as_image_data((PIXELS, frame)).factors.names == ("kind", "age")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([PIXELS, PIXELS], TypeError, r"Expected ImageData, an array .* or a pair .*Received: list$"),
        ((PIXELS, PIXELS, PIXELS), TypeError, r"Received: \(ndarray, ndarray, ndarray\)$"),
        ((ImageData("some", PIXELS), np.zeros((20, 1))), TypeError, r"Received: \(ImageData, ndarray\)$"),
        ("dsprites", TypeError, "Received: str$"),
        (PIXELS.astype(np.int32), TypeError, "Received: dtype=int32"),
        (PIXELS[0, 0], TypeError, "Expected vectors of dtype float"),
        (PIXELS[:0], ValueError, r"Received: shape=\(0, 4, 3, 2\)"),
        (PIXELS * 1.0, ValueError, r"in \[0, 1\].*divide by 255"),
        (np.full((2, 4, 4), np.nan), ValueError, "without NaN"),
        (np.uint8(PIXELS > 99), ValueError, r"Received: maximum=1; .*images\.astype\(bool\)"),
        ((PIXELS, np.zeros(20)), ValueError, r"factors of shape \[20, K\]\. Received: shape=\(20,\)"),
        ((PIXELS, np.zeros((19, 2))), ValueError, r"factors of shape \[20, K\]\. Received: shape=\(19, 2\)"),
        ((PIXELS, np.full((20, 1), np.nan)), ValueError, "Expected finite values"),
    ],
)
def test_other_data_is_refused(data, error, message):
    with pytest.raises(error, match=message):
        as_image_data(data)


def test_black_images_are_accepted():
    assert every(as_image_data(np.zeros((3, 4, 4), np.uint8))).max() == 0
