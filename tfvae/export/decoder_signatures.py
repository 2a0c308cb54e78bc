"""The signatures of an exported decoder: codes by name -> images, or vectors."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfvae.data.shapes import noun
from tfvae.export.signature import Signature, checked, checked_rows

Decode = Callable[[tf.Tensor], tf.Tensor]


def decoder_signatures(
    decode: Decode, latent_dim: int, categories: int, image_shape: tuple[int, ...]
) -> dict[str, Signature]:
    """The signatures that a decoder has.

    Args:
        decode: float32 codes [B, D + K] -> images [B, H, W, C] in [0, 1].
        latent_dim: D.
        categories: K; 0 for a model without a categorical latent, whose signatures have no input `category`.
        image_shape: (H, W, C); of (F,), the output is called "vectors".

    Returns:
        `serving_default`: z [B, D] and category [B, K] -> images [B, H, W, C].
        `traverse`: z, category, latent int32 [B] and values float32 [B, V] -> images [B, V, H, W, C]. Row b
        decodes code b with latent[b] set to each of values[b]. Each row has its own latent and values, as a server may
        combine the rows of several requests.
    """
    specs = [tf.TensorSpec((None, latent_dim), tf.float32, name="z")]
    example = {"z": np.zeros((1, latent_dim), np.float32)}
    if categories:
        specs.append(tf.TensorSpec((None, categories), tf.float32, name="category"))
        example["category"] = np.eye(1, categories, dtype=np.float32)

    def code(z: tf.Tensor, category: tf.Tensor | None) -> tf.Tensor:
        z = _finite(z, "z")
        if category is None:
            return z
        category = checked_rows(category, z, "z and category")
        one = tf.reduce_all(category >= 0) & tf.reduce_all(tf.abs(tf.reduce_sum(category, axis=-1) - 1) < 1e-3)
        category = checked(category, one, ["Expected rows of category that are one-hot, or sum to 1."])
        return tf.concat([z, category], axis=-1)

    def decode_codes(z: tf.Tensor, category: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        return {noun(image_shape): decode(code(z, category))}

    def traverse(
        z: tf.Tensor, category: tf.Tensor | None = None, *, latent: tf.Tensor, values: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        latent, values = checked_rows(latent, z, "z and latent"), checked_rows(values, z, "z and values")
        low, high = tf.reduce_min(latent), tf.reduce_max(latent)
        inside = tf.reduce_all((latent >= 0) & (latent < latent_dim))
        latent = checked(
            latent, inside, [f"Expected latents in 0..{latent_dim - 1}. Received: values from", low, "to", high]
        )
        values = _finite(values, "values")
        codes = code(z, category)
        moved = tf.one_hot(latent, codes.shape[-1], on_value=True, off_value=False, dtype=tf.bool)
        codes = tf.where(moved[:, tf.newaxis], values[..., tf.newaxis], codes[:, tf.newaxis])
        shape = tf.concat([tf.shape(values), image_shape], axis=0)
        images = decode(tf.reshape(codes, [tf.size(values), codes.shape[-1]]))
        return {noun(image_shape): tf.ensure_shape(tf.reshape(images, shape), (None, None, *image_shape))}

    further = {
        "latent": tf.TensorSpec((None,), tf.int32, name="latent"),
        "values": tf.TensorSpec((None, None), tf.float32, name="values"),
    }
    traversed = tf.function(
        lambda *inputs: traverse(*inputs[:-2], latent=inputs[-2], values=inputs[-1]),
        input_signature=[*specs, *further.values()],
        autograph=False,
    )
    return {
        "serving_default": Signature(tf.function(decode_codes, input_signature=specs, autograph=False), example),
        "traverse": Signature(
            traversed,
            {**example, "latent": np.zeros(1, np.int32), "values": np.zeros((1, 1), np.float32)},
        ),
    }


def _finite(tensor: tf.Tensor, name: str) -> tf.Tensor:
    return checked(tensor, tf.reduce_all(tf.math.is_finite(tensor)), [f"Expected finite {name}. Received: NaN or inf"])
