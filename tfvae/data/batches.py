"""Batches of images, each a function of the seed and of its number alone."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from tfvae.data.images import ImageData, check_finite, check_range, check_shape

if TYPE_CHECKING:
    import tensorflow as tf


class ImageSource(Protocol):
    """What batches can be made from, other than arrays: `ImageData`, or anything that has these two methods."""

    def __len__(self) -> int: ...

    def images(self, indices: np.ndarray) -> np.ndarray: ...


def batches(
    data: ImageSource | np.ndarray,
    batch_size: int,
    *,
    seed: int = 0,
    start: int = 0,
    steps: int | None = None,
    shard: int = 0,
    num_shards: int = 1,
    as_indices: bool = False,
    paired: bool = False,
) -> "tf.data.Dataset":
    """Returns batches of images in a random order that can start at any batch.

    Each epoch is a permutation of the data, drawn from (seed, epoch). A batch may span the boundary of two epochs.
    Batch s is a function of (seed, s) alone, so `start=s` resumes exactly where a run of s steps has stopped.

    Args:
        data: `ImageData`, or an array [N, H, W, C]: uint8 in 0 .. 255 or float in [0, 1]; or vectors [N, F], floats.
        batch_size: B, the number of images of a global batch, in 1 .. N.
        seed: chooses the permutations, in 0 .. 2^63 - 1.
        start: number of the first batch, counted from 0.
        steps: the number of batches; infinite by default.
        shard: which part of each global batch to return, in 0 .. num_shards - 1.
        num_shards: the number of equal parts of a global batch.
        as_indices: whether to return the places of the images in the data instead, for `resident`.
        paired: whether to return pairs: each image and a partner, which `data.pairing` draws again in each epoch.

    Returns:
        Batches float32 [B / num_shards, H, W, C] in [0, 1], of vectors [B / num_shards, F], or int64 [B / num_shards].
        Shard i has the rows from i B / num_shards on. Pairs are [B / num_shards, 2, H, W, C], and so on.

    Raises:
        TypeError: if the images are neither uint8 nor float.
        ValueError: if another argument is out of range, the images have another shape or range, or nothing says which
            images are pairs.

    Examples:
        >>> images = np.random.default_rng(0).random([20, 16, 16, 1], np.float32)
        >>> for batch in tfvae.data.batches(images, 8, steps=2):
        ...     print(batch.shape)
        (8, 16, 16, 1)
        (8, 16, 16, 1)
    """
    import tensorflow as tf

    if isinstance(data, np.ndarray):
        _check_array(data)
    _check_sizes(len(data), batch_size, seed, start, steps, shard, num_shards)
    source = data.__getitem__ if isinstance(data, np.ndarray) else data.images
    example = source(np.zeros(1, np.int64))
    if not isinstance(data, np.ndarray):
        _check_array(example)
    partners = data.pairing if isinstance(data, ImageData) else None
    if paired and partners is None:
        raise ValueError(
            f"Expected data of pairs, such as tfvae.data.paired(data, 1). Received: a {type(data).__name__} without"
        )
    shape, dtype = example.shape[1:], tf.as_dtype(example.dtype)
    size, rows = len(data), batch_size // num_shards

    def draw_partners(indices: np.ndarray, step: np.ndarray) -> np.ndarray:
        assert partners is not None
        return np.asarray(partners(indices, np.random.default_rng([seed, int(step)])), np.int64)

    def key(epoch: tf.Tensor) -> tf.Tensor:
        # The raw operation scrambles its seed by itself: stateless_uniform(alg="philox") needs 44 operations for that.
        pair = tf.stack([tf.constant(seed, tf.int64), epoch])
        return tf.raw_ops.StatelessRandomUniformFullInt(shape=[3], seed=pair, dtype=tf.int32)

    @tf.autograph.experimental.do_not_convert
    def batch(step: tf.Tensor) -> tf.Tensor:
        positions = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        epochs = positions // size
        # A batch spans at most two epochs, as it is not larger than one.
        keys = tf.where((epochs == epochs[0])[:, tf.newaxis], key(epochs[0]), key(epochs[-1]))
        # The raw operation: tf.random.experimental.index_shuffle has only 4 rounds, which leave the images of a batch
        # nearly evenly spaced. With plain (seed, epoch) as its key, epochs would resemble each other.
        indices = tf.raw_ops.RandomIndexShuffle(
            index=positions % size, seed=keys, max_index=tf.constant(size - 1, tf.int64), rounds=16
        )
        if paired:
            # Of the whole batch, whose partners are one draw, whatever the number of shards.
            drawn = tf.numpy_function(draw_partners, [indices, step], tf.int64, stateful=False)
            indices = tf.stack([indices, tf.ensure_shape(drawn, [batch_size])], axis=1)
        indices = indices[shard * rows : (shard + 1) * rows]
        if as_indices:
            return tf.ensure_shape(indices, [rows, 2] if paired else [rows])
        images = tf.numpy_function(source, [tf.reshape(indices, [-1])], dtype, stateful=False)
        images = tf.reshape(images, [rows, 2, *shape]) if paired else tf.ensure_shape(images, [rows, *shape])
        return tf.cast(images, tf.float32) / 255.0 if dtype == tf.uint8 else tf.cast(images, tf.float32)

    numbers = tf.data.Dataset.counter(start) if steps is None else tf.data.Dataset.range(start, start + steps)
    # Each process chooses its own rows: TensorFlow must not shard them again.
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    # There is nothing to tune, and the end of an iterator waits for the tuner, which sleeps for up to a minute.
    options.autotune.enabled = False
    return numbers.map(batch, num_parallel_calls=2, deterministic=True).prefetch(4).with_options(options)


def _check_array(images: np.ndarray) -> None:
    check_shape(images.shape)
    is_vectors = images.ndim == 2
    if (is_vectors or images.dtype != np.uint8) and images.dtype not in (np.float16, np.float32, np.float64):
        raise TypeError(
            f"Expected images of dtype uint8 (0 .. 255) or float (in [0, 1]), or vectors of floats. "
            f"Received: dtype={images.dtype}"
        )
    if is_vectors:
        check_finite(images)
    else:
        check_range(images)


def _check_sizes(
    size: int, batch_size: int, seed: int, start: int, steps: int | None, shard: int, num_shards: int
) -> None:
    if batch_size < 1:
        raise ValueError(f"Expected batch_size >= 1. Received: batch_size={batch_size}")
    if batch_size > size:
        raise ValueError(
            f"Expected batch_size to be at most the number of images, {size}. Received: batch_size={batch_size}"
        )
    if num_shards < 1 or batch_size % num_shards:
        raise ValueError(
            f"Expected num_shards >= 1 that divides batch_size={batch_size}. Received: num_shards={num_shards}"
        )
    if not 0 <= shard < num_shards:
        raise ValueError(f"Expected shard in 0 .. {num_shards - 1}. Received: shard={shard}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"Expected seed in 0 .. 2^63 - 1. Received: seed={seed}")
    if start < 0 or (steps is not None and steps < 0):
        raise ValueError(f"Expected start >= 0 and steps >= 0 or None. Received: start={start}, steps={steps}")
