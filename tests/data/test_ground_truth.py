import numpy as np
import pytest

from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData


@pytest.fixture
def space() -> FactorSpace:
    return FactorSpace(("one", "shape", "hue"), (np.ones(1), np.arange(3.0), np.arange(4.0)))


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 2, 3, 1), np.uint8)


@pytest.fixture
def data(space, pixels) -> GroundTruthData:
    return GroundTruthData("some", space, pixels)


def test_images_by_index_and_by_factors(data, pixels):
    assert len(data) == 12
    assert data.image_shape == (2, 3, 1)
    np.testing.assert_array_equal(data.images(np.array([11, 0, 0])), pixels[[11, 0, 0]])
    np.testing.assert_array_equal(data.images_of(np.array([[0, 1, 2], [0, 2, 3]])), pixels[[6, 11]])


def test_a_factor_of_one_value_is_not_scored(data):
    assert data.scored_factors == ("shape", "hue")


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([12], IndexError, r"Expected indices in 0 \.\. 11\. Received: index=12"),
        ([-1], IndexError, r"Expected indices in 0 \.\. 11\. Received: index=-1"),
        ([[1]], ValueError, r"Expected indices of shape \[N\]\. Received: shape=\(1, 1\)"),
        ([1.0], TypeError, "integer dtype. Received: dtype=float64"),
    ],
)
def test_wrong_indices(data, indices, error, message):
    with pytest.raises(error, match=message):
        data.images(np.array(indices))


def test_the_number_of_images_must_be_that_of_the_factors(space, pixels):
    with pytest.raises(
        ValueError,
        match=r"Expected images of shape \[12, H, W, C\], or as many vectors\. Received: shape=\(11, 2, 3, 1\)",
    ):
        GroundTruthData("some", space, pixels[:11])


def test_dataset_has_all_images_in_order(space):
    big = FactorSpace(("index",), (np.arange(600.0),))
    pixels = np.random.default_rng(0).integers(0, 256, (600, 2, 3, 1), np.uint8)
    dataset = GroundTruthData("some", big, pixels).as_dataset()
    assert len(dataset) == 600
    assert dataset.element_spec.shape == (2, 3, 1)
    images = np.stack(list(dataset.as_numpy_iterator()))
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, pixels.astype(np.float32) / np.float32(255))


def test_digest_depends_on_each_pixel_and_on_the_shape(space, pixels):
    changed = pixels.copy()
    changed[5, 1, 2, 0] ^= 1
    variants = [pixels, changed, pixels.reshape(12, 3, 2, 1)]
    assert len({GroundTruthData("some", space, images).digest for images in variants}) == 3
    assert GroundTruthData("other", space, pixels.copy()).digest == GroundTruthData("some", space, pixels).digest
    assert GroundTruthData("some", space, pixels, digest="known").digest == "known"
