import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data.batches import batches
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData


def numbered(size: int) -> np.ndarray:
    """Images of one pixel, whose level times their number is their place."""
    return (np.arange(size) / size).reshape(size, 1, 1, 1)


def order(size: int, batch_size: int, steps: int, **kwargs) -> np.ndarray:
    """The places of the images of each batch, int [steps, rows]."""
    dataset = batches(numbered(size), batch_size, steps=steps, **kwargs)
    return np.rint(size * np.stack(list(dataset.as_numpy_iterator()))[..., 0, 0, 0]).astype(int)


@pytest.mark.parametrize(("size", "batch_size"), [(1, 1), (7, 3), (7, 7), (128, 10), (1000, 96)])
def test_each_epoch_is_a_permutation(size, batch_size):
    """`size` batches are `batch_size` epochs, whose boundaries fall inside batches."""
    epochs = order(size, batch_size, size).reshape(batch_size, size)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(size), (batch_size, 1)))


def test_epochs_are_independent():
    """Two random permutations agree in 1 place on average: in 25 pairs, 25 +- 5; here within five deviations."""
    epochs = order(1000, 1000, 26)
    assert 0 < np.sum(epochs[1:] == epochs[:-1]) <= 50


@pytest.mark.parametrize("lag", [1, 2, 3, 128])
def test_images_of_a_batch_are_spaced_at_random(lag):
    """Pairs of images at a distance in an epoch fill the square evenly.

    The chi-squared statistic of 256 cells has mean 255 and deviation 22.6; here within five deviations. With the 4
    rounds of tf.random.experimental.index_shuffle, the images of a batch would be spaced almost evenly.
    """
    epoch = order(100_000, 10_000, 10).ravel()
    cells, _, _ = np.histogram2d(epoch[lag:], epoch[:-lag], bins=16, range=[[0, 100_000]] * 2)
    expected = (100_000 - lag) / 256
    assert 142 < np.sum((cells - expected) ** 2) / expected < 368


def test_first_image_is_uniform():
    first = order(10, 10, 400)[:, 0]
    # Counts have mean 40 and deviation 6: five deviations.
    np.testing.assert_allclose(np.bincount(first, minlength=10), 40, atol=30)


def test_no_tuner_delays_the_end_of_an_iterator():
    """After two minutes TensorFlow's tuner sleeps for up to a minute, and the end of an iterator waits for it."""
    data = ImageData("blank", np.zeros([4, 2, 2, 1], np.uint8))
    for dataset in (batches(data, 2), batches(data, 2, steps=3, as_indices=True), data.as_dataset()):
        assert dataset.options().autotune.enabled is False


def test_a_run_resumes_where_it_stopped():
    whole = order(10, 4, 20, seed=5)
    for start in (0, 1, 3, 17):
        np.testing.assert_array_equal(order(10, 4, 20 - start, seed=5, start=start), whole[start:])


def test_the_order_is_that_of_earlier_versions():
    """Runs that these have begun are resumed."""
    assert order(10, 4, 5, seed=5).tolist() == [[3, 6, 7, 4], [1, 5, 9, 2], [0, 8, 8, 0], [6, 4, 3, 2], [5, 1, 7, 9]]
    assert order(10, 4, 2, seed=2**62, start=3_000_000_000).tolist() == [[3, 8, 9, 4], [1, 0, 5, 2]]


def test_endless_batches_are_the_same():
    endless = batches(numbered(10), 4, seed=5, start=2)
    assert endless.cardinality() == tf.data.INFINITE_CARDINALITY
    images = np.stack(list(itertools.islice(endless.as_numpy_iterator(), 9)))
    np.testing.assert_array_equal(np.rint(10 * images[..., 0, 0, 0]), order(10, 4, 9, seed=5, start=2))


def test_batches_are_right_at_a_step_beyond_32_bits():
    far = 3_000_000_000
    np.testing.assert_array_equal(order(10, 4, 3, start=far), order(10, 4, 5, start=far - 2)[2:])
    assert (order(100, 50, 2, start=far) != order(100, 50, 2, start=far % 2**31)).any()


@pytest.mark.parametrize("other", [1, 2**31, 2**32, 2**63 - 1])
def test_seeds_differ(other):
    assert np.mean(order(1000, 1000, 1, seed=0) == order(1000, 1000, 1, seed=other)) < 0.01


@pytest.mark.parametrize("num_shards", [1, 2, 3, 6])
def test_shards_are_the_rows_of_the_global_batch(num_shards):
    shards = [order(10, 6, 15, seed=1, shard=shard, num_shards=num_shards) for shard in range(num_shards)]
    assert shards[0].shape == (15, 6 // num_shards)
    np.testing.assert_array_equal(np.concatenate(shards, axis=1), order(10, 6, 15, seed=1))


def test_replicas_share_the_rows_of_each_batch(mirrored):
    distributed = mirrored.experimental_distribute_dataset(batches(numbered(10), 6, steps=5, seed=1))
    parts = [np.concatenate(mirrored.experimental_local_results(batch)) for batch in distributed]
    np.testing.assert_array_equal(np.rint(10 * np.stack(parts)[..., 0, 0, 0]), order(10, 6, 5, seed=1))


def test_batches_of_ground_truth_data_equal_those_of_its_array():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 4, 3, 2), np.uint8)
    data = GroundTruthData("some", FactorSpace(("k",), (np.arange(20.0),)), pixels)
    for of_data, of_array in zip(batches(data, 5, steps=8), batches(pixels, 5, steps=8), strict=True):
        np.testing.assert_array_equal(of_data, of_array)


def test_bytes_become_floats_in_0_to_1():
    pixels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    (batch,) = batches(pixels, 256, steps=1)
    np.testing.assert_array_equal(np.sort(batch, axis=None), np.arange(256, dtype=np.float32) / np.float32(255))
    assert batch.dtype == tf.float32
    assert (np.min(batch), np.max(batch)) == (0.0, 1.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_stay_as_they_are(dtype):
    images = np.random.default_rng(0).uniform(size=(8, 2, 2, 1)).astype(dtype)
    (batch,) = batches(images, 8, steps=1)
    np.testing.assert_array_equal(np.sort(batch, axis=None), np.sort(images.astype(np.float32), axis=None))


def test_shapes_are_static():
    dataset = batches(np.zeros((20, 4, 3, 2), np.uint8), 6, num_shards=2)
    assert dataset.element_spec == tf.TensorSpec((3, 4, 3, 2), tf.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "Expected batch_size >= 1. Received: batch_size=0"),
        ({"batch_size": 11}, "at most the number of images, 10. Received: batch_size=11"),
        ({"num_shards": 3}, "divides batch_size=4. Received: num_shards=3"),
        ({"num_shards": 0}, "divides batch_size=4. Received: num_shards=0"),
        ({"shard": 2, "num_shards": 2}, r"Expected shard in 0 \.\. 1. Received: shard=2"),
        ({"shard": -1}, r"Expected shard in 0 \.\. 0. Received: shard=-1"),
        ({"seed": -1}, r"Expected seed in 0 \.\. 2\^63 - 1. Received: seed=-1"),
        ({"start": -1}, "Received: start=-1, steps=None"),
        ({"steps": -1}, "Received: start=0, steps=-1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        batches(numbered(10), **{"batch_size": 4, **arguments})


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((4, 2, 2, 1), np.int64), TypeError, "uint8 .* or float .*Received: dtype=int64"),
        (np.zeros((4, 2, 2, 1), bool), TypeError, "uint8 .* or float .*Received: dtype=bool"),
        (np.zeros((4, 2, 2), np.uint8), ValueError, r"shape \[N, H, W, C\].*Received: shape=\(4, 2, 2\)"),
        (np.zeros((0, 2, 2, 1), np.uint8), ValueError, r"shape \[N, H, W, C\].*Received: shape=\(0, 2, 2, 1\)"),
        (np.full((4, 2, 2, 1), 255.0), ValueError, r"in \[0, 1\].*divide by 255.*maximum=255.0"),
        (np.full((4, 2, 2, 1), -0.5), ValueError, r"in \[0, 1\].*minimum=-0.5"),
        (np.array([0.0, np.nan, 1.0, 0.5]).reshape(4, 1, 1, 1), ValueError, "without NaN.*minimum=nan"),
    ],
)
def test_wrong_images(images, error, message):
    with pytest.raises(error, match=message):
        batches(images, 2)
