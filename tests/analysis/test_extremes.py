import numpy as np
import pytest

from tfvae.analysis.extremes import extremes
from tfvae.codes import Codes
from tfvae.data import ImageData

RNG = np.random.default_rng(0)
N = 60
DATA = ImageData("mine", RNG.integers(2, 256, (N, 2, 2, 1), np.uint8))
MEAN = RNG.normal(size=(N, 4)).astype(np.float32) * [1, 3, 0.001, 2]
LOG_VARIANCE = np.tile(np.log([0.1, 0.01, 1, 0.9]), (N, 1))


def test_the_ends_are_those_of_a_sorted_list():
    found = extremes(Codes.from_arrays(DATA, MEAN, LOG_VARIANCE), count=3)
    # 1 carries most; the means of 2 hardly vary, which its variance hides.
    assert found.latents.tolist() == [1, 0, 3]
    assert (np.diff(found.information) < 0).all()
    for row, latent in enumerate(found.latents):
        order = sorted(range(N), key=lambda place, k=latent: MEAN[place, k])
        assert found.low[row].tolist() == order[:3]
        assert found.high[row].tolist() == order[-3:]
        np.testing.assert_array_equal(found.low_values[row], np.float32(MEAN[order[:3], latent]))
        np.testing.assert_array_equal(found.high_values[row], np.float32(MEAN[order[-3:], latent]))


def test_codes_without_a_posterior_keep_their_order_and_a_category_has_no_ends():
    probabilities = np.eye(3)[np.arange(N) % 3]
    found = extremes(Codes.from_arrays(DATA, MEAN, probabilities=probabilities))
    assert found.latents.tolist() == [0, 1, 2, 3]
    assert found.information is None
    with pytest.raises(ValueError, match="Expected a continuous latent that counts"):
        extremes(Codes.from_arrays(DATA, np.zeros((N, 2)), probabilities=probabilities))


def test_the_two_ends_have_no_image_in_common():
    found = extremes(Codes.from_arrays(DATA, MEAN), count=1000)
    assert found.low.shape == found.high.shape == (4, N // 2)
    for low, high in zip(found.low, found.high, strict=True):
        assert sorted([*low, *high]) == list(range(N))


def test_the_ends_are_found_among_random_images():
    codes = Codes(lambda x: np.asarray(x).reshape(len(x), 4), DATA)
    found = extremes(codes, count=2, num_images=10, seed=3)
    again = extremes(codes, count=2, num_images=10, seed=3)
    assert len(np.unique(found.low)) <= 10
    np.testing.assert_array_equal(found.low, again.low)
    everything = extremes(codes, count=1)
    assert (found.low_values.min(axis=1) >= everything.low_values[:, 0]).all()


def test_wrong_numbers_are_refused():
    codes = Codes.from_arrays(DATA, MEAN)
    for arguments in ({"count": 0}, {"num_images": 1}):
        with pytest.raises(ValueError, match="Expected count >= 1 and num_images >= 2"):
            extremes(codes, **arguments)
    one = ImageData("one", np.zeros((1, 2, 2, 1), np.uint8))
    with pytest.raises(ValueError, match="Expected two images or more"):
        extremes(Codes.from_arrays(one, np.zeros((1, 2))))
    with pytest.raises(ValueError, match="Expected a continuous latent that counts"):
        extremes(Codes.from_arrays(DATA, np.zeros((N, 2))))
