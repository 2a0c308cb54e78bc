"""The signatures of an exported encoder: images in each form that a client may have -> the representation by name."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfvae.data.shapes import is_image, noun, undrawable
from tfvae.export.pictures import decode_pictures
from tfvae.export.signature import Signature, checked_images, checked_rows

Encode = Callable[[tf.Tensor], dict[str, tf.Tensor]]


def encoder_signatures(
    encode: Encode, image_shape: tuple[int, ...], *, stddev: float | None = None, bounded: bool = True
) -> dict[str, Signature]:
    """The signatures that an encoder has.

    Args:
        encode: float32 images [B, H, W, C] in [0, 1] -> {"mean": [B, D], ...}.
        image_shape: (H, W, C); of (F,), the input is called "vectors", and there are neither bytes nor uint8.
        stddev: the width of a posterior that has one width for all images, and no "log_variance": an InfoGAN's.
        bounded: whether the input must be in [0, 1]; otherwise it may be any finite numbers.

    Returns:
        `serving_default` and, for images, `encode_uint8` and, for those of 1 or 3 channels, `encode_bytes`, which
        return all that `encode` does; and, for a posterior whose width is known, `sample`.
    """
    signatures = {"serving_default": _floats(encode, image_shape, bounded)}
    if is_image(image_shape):
        signatures["encode_uint8"] = _uint8(encode, image_shape)
    if not undrawable(image_shape):
        signatures["encode_bytes"] = _bytes(encode, image_shape)
    outputs = signatures["serving_default"].function.get_concrete_function().structured_outputs
    if "log_variance" in outputs or stddev is not None:
        signatures["sample"] = _sample(encode, image_shape, stddev, bounded)
    return signatures


def _floats(encode: Encode, image_shape: tuple[int, ...], bounded: bool) -> Signature:
    """images: float32 [B, H, W, C] in [0, 1]; or vectors: float32 [B, F]."""

    def encode_floats(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return encode(checked_images(images, bounded))

    return Signature(
        tf.function(encode_floats, input_signature=[_images(image_shape, tf.float32)], autograph=False),
        {noun(image_shape): np.zeros((1, *image_shape), np.float32)},
    )


def _uint8(encode: Encode, image_shape: tuple[int, ...]) -> Signature:
    """images: uint8 [B, H, W, C] in 0..255."""

    def encode_uint8(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return encode(tf.cast(images, tf.float32) / 255.0)

    return Signature(
        tf.function(encode_uint8, input_signature=[_images(image_shape, tf.uint8)], autograph=False),
        {"images": np.zeros((1, *image_shape), np.uint8)},
    )


def _bytes(encode: Encode, image_shape: tuple[int, ...]) -> Signature:
    """image_bytes: string [B], PNG or JPEG files, see `decode_pictures`.

    The orientation in EXIF data is not applied, unlike in the `folder` data set; `tfvae.serving.Client` turns such a
    picture before it sends it. A file that cannot be read fails its whole batch.
    """

    def encode_bytes(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return encode(decode_pictures(image_bytes, image_shape) / 255.0)

    specs = [tf.TensorSpec((None,), tf.string, name="image_bytes")]
    picture = tf.io.encode_png(np.zeros((*image_shape[:2], 1), np.uint8)).numpy()
    return Signature(
        tf.function(encode_bytes, input_signature=specs, autograph=False), {"image_bytes": np.array([picture], object)}
    )


def _sample(encode: Encode, image_shape: tuple[int, ...], stddev: float | None, bounded: bool) -> Signature:
    """images: float32 [B, H, W, C] in [0, 1], or vectors; seeds: int64 [B, 2] -> a draw from each posterior.

    "z" [B, D] = mean + exp(log_variance / 2) eps, eps ~ N(0, I), and "category", one-hot [B, K], if there are any; a
    `stddev` replaces exp(log_variance / 2). A row depends only on its image and its seed.
    """

    def sample(images: tf.Tensor, seeds: tf.Tensor) -> dict[str, tf.Tensor]:
        seeds = checked_rows(seeds, images, f"{noun(image_shape)} and seeds")
        codes = encode(checked_images(images, bounded))
        mean = codes["mean"]
        width = tf.exp(codes["log_variance"] / 2) if stddev is None else stddev
        # Philox on every device: TensorFlow's default depends on the device.
        eps = _for_each(lambda seed: tf.random.stateless_normal(mean.shape[1:], seed, alg="philox"), seeds, mean)
        drawn = {"z": mean + width * eps}
        if "probabilities" in codes:
            probabilities = codes["probabilities"]
            other_seeds = tf.bitwise.invert(seeds)
            uniform = _for_each(lambda seed: tf.random.stateless_uniform([1], seed, alg="philox"), other_seeds, mean)
            category = tf.reduce_sum(tf.cast(uniform >= tf.cumsum(probabilities, axis=-1), tf.int32), axis=-1)
            last = probabilities.shape[-1] - 1  # the sum may stay below 1, by rounding
            drawn["category"] = tf.one_hot(tf.minimum(category, last), last + 1)
        return drawn

    specs = [_images(image_shape, tf.float32), tf.TensorSpec((None, 2), tf.int64, name="seeds")]
    return Signature(
        tf.function(sample, input_signature=specs, autograph=False),
        {noun(image_shape): np.zeros((1, *image_shape), np.float32), "seeds": np.zeros((1, 2), np.int64)},
    )


def _for_each(draw: Callable[[tf.Tensor], tf.Tensor], seeds: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    # tf.vectorized_map can be saved, but fails when it runs.
    return tf.map_fn(draw, seeds, fn_output_signature=like.dtype)


def _images(image_shape: tuple[int, ...], dtype: tf.DType) -> tf.TensorSpec:
    return tf.TensorSpec((None, *image_shape), dtype, name=noun(image_shape))
