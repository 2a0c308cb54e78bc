import numpy as np
import pytest

from tfvae.analysis.nearest import nearest
from tfvae.codes import Codes
from tfvae.data import ImageData

RNG = np.random.default_rng(0)
N = 40
IMAGES = RNG.integers(2, 256, (N, 2, 2, 1), np.uint8)
DATA = ImageData("mine", IMAGES)
MEAN = RNG.normal(size=(N, 3)) * [1, 100, 0.01] + 7


def flat(images):
    return np.asarray(images).reshape(len(images), 4)


def test_the_nearest_are_those_of_a_naive_search_in_any_scale_of_the_latents():
    found = nearest(Codes.from_arrays(DATA, MEAN), np.array([5, 17]), count=4)
    scaled = np.float32(MEAN).astype(float) / np.float32(MEAN).astype(float).std(axis=0)
    for row, query in enumerate((5, 17)):
        distances = {k: np.sqrt(sum((scaled[k] - scaled[query]) ** 2)) for k in range(N) if k != query}
        expected = sorted(distances, key=distances.get)[:4]
        assert found.places[row].tolist() == expected
        np.testing.assert_allclose(found.distances[row], [distances[k] for k in expected], rtol=1e-4)
    np.testing.assert_array_equal(found.images, IMAGES[[5, 17]])
    other = nearest(Codes.from_arrays(DATA, MEAN * [0.5, 3, 20] - 1), [5, 17], count=4)
    np.testing.assert_array_equal(other.places, found.places)


def test_a_latent_that_does_not_count_changes_nothing():
    log_variance = np.tile(np.log([0.01, 1, 0.0001 * 0.01]), (N, 1))
    quiet = np.column_stack([MEAN[:, 0], 0.001 * MEAN[:, 1] / 100, MEAN[:, 2]])
    found = nearest(Codes.from_arrays(DATA, quiet, log_variance), [3], count=5)
    expected = nearest(Codes.from_arrays(DATA, quiet[:, [0, 2]]), [3], count=5)
    np.testing.assert_array_equal(found.places, expected.places)


def test_another_category_counts_like_a_typical_difference():
    probabilities = np.eye(2)[np.arange(N) % 2]
    codes = Codes.from_arrays(DATA, np.zeros((N, 1)), probabilities=probabilities)
    found = nearest(codes, [0], count=N)
    assert found.places[0].tolist() == [*range(2, N, 2), *range(1, N, 2)]
    np.testing.assert_allclose(found.distances[0], [0] * (N // 2 - 1) + [np.sqrt(2)] * (N // 2))


def test_other_images_find_themselves_where_the_data_have_them():
    codes = Codes(flat, DATA)
    for images in (IMAGES[[8, 2]], IMAGES[[8, 2]] / 255, ImageData("query", IMAGES[[8, 2]])):
        found = nearest(codes, images, count=3)
        assert found.places[:, 0].tolist() == [8, 2]
        np.testing.assert_allclose(found.distances[:, 0], 0, atol=1e-6)
        np.testing.assert_array_equal(found.images, IMAGES[[8, 2]])
    assert 8 not in nearest(codes, [8], count=3).places


def test_neighbours_are_found_among_random_images():
    found = nearest(Codes(flat, DATA), [1, 2], num_images=10, count=100, seed=4)
    assert found.places.shape == (2, 9)
    assert len(np.unique(found.places)) <= 10


def test_wrong_queries_are_refused():
    codes = Codes.from_arrays(DATA, MEAN)
    with pytest.raises(IndexError, match=r"\[0, 40\)"):
        nearest(codes, [40])
    with pytest.raises(ValueError, match=r"images of shape \(2, 2, 1\)"):
        nearest(codes, np.zeros((1, 3, 3, 1)))
    with pytest.raises(ValueError, match="codes that come from an encoder"):
        nearest(codes, IMAGES[:1])
    with pytest.raises(ValueError, match="Expected count >= 1"):
        nearest(codes, [0], count=0)
    with pytest.raises(ValueError, match="Expected a latent that counts"):
        nearest(Codes.from_arrays(DATA, np.zeros((N, 2))), [0])
