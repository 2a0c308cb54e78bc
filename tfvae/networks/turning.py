"""Layers that turn the latents of an encoder, and turn codes back for a decoder."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class _Affine(keras.layers.Layer):
    """A matrix [D, D] and an offset [D] that are not trained."""

    def __init__(self, latent_dim: int, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **kwargs})
        self.latent_dim = latent_dim

    def build(self, _: tuple[int, ...]) -> None:
        size = self.latent_dim
        self.matrix = self.add_weight(shape=(size, size), initializer="identity", name="matrix")
        self.offset = self.add_weight(shape=(size,), initializer="zeros", name="offset")

    def set(self, matrix: np.ndarray, offset: np.ndarray) -> None:
        """Assigns a matrix [D, D] and an offset [D]."""
        self.set_weights([matrix, offset])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "latent_dim": self.latent_dim}


@keras.saving.register_keras_serializable("tfvae")
class Turn(_Affine):
    """The means and variances of W (z - offset), of those of independent latents z: [B, 2 D] -> [B, 2 D].

    mean' = W (mean - offset), and variance'_i = sum_j W_ij^2 variance_j, the exact variance of each turned latent. The
    output has logarithms of variances, as the input.

    Args:
        latent_dim: D.
        kwargs: Keras's own: name, dtype, trainable.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        mean, log_variance = tf.split(tf.cast(inputs, tf.float32), 2, axis=-1)
        matrix = tf.convert_to_tensor(self.matrix)
        turned = tf.matmul(mean - tf.convert_to_tensor(self.offset), matrix, transpose_b=True)
        # Sums of exponentials without an overflow: [B, D, D] terms, of latent j in turned latent i.
        terms = log_variance[:, tf.newaxis] + tf.math.log(matrix**2)
        return tf.concat([turned, tf.reduce_logsumexp(terms, axis=-1)], axis=-1)

    def compute_output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape


@keras.saving.register_keras_serializable("tfvae")
class TurnBack(_Affine):
    """Codes A z + offset of turned codes z: [B, D] -> [B, D].

    Args:
        latent_dim: D.
        kwargs: Keras's own: name, dtype, trainable.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        matrix, offset = tf.convert_to_tensor(self.matrix), tf.convert_to_tensor(self.offset)
        return tf.matmul(tf.cast(inputs, tf.float32), matrix, transpose_b=True) + offset

    def compute_output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape
