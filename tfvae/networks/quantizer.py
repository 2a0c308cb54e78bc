"""The layer that gives each latent a few values, as in a quantised autoencoder."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("tfvae")
class Quantizer(keras.layers.Layer):
    """Finds the nearest of a latent's own values (Hsu et al., 2023): [B, D] -> [B, 2 D], z and z_q.

    z_qj = argmin over v in V_j of |z_j - v|

    The values V_j are trained, [D, V], and begin evenly spaced from -1/2 to 1/2. The gradient reaches them through z_q;
    through z, the input of the layer, it reaches what is before.

    Args:
        num_values: int, at least 1: V.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when num_values is below 1.

    Examples:
        >>> tfvae.networks.Quantizer(3)(np.array([[0.125, 7.0]])).numpy().tolist()
        [[0.125, 7.0, 0.0, 0.5]]
    """

    def __init__(self, num_values: int, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if isinstance(num_values, bool) or not isinstance(num_values, int) or num_values < 1:
            raise ValueError(f"Expected num_values to be an integer of at least 1. Received: num_values={num_values!r}")
        self.num_values = num_values

    def build(self, shape: tuple[int, ...]) -> None:
        start = np.tile(np.linspace(-0.5, 0.5, self.num_values), (shape[-1], 1))
        self.values = self.add_weight(
            shape=start.shape, initializer=lambda shape, dtype: tf.constant(start, dtype), name="values"
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        values = tf.convert_to_tensor(self.values)
        # A sum of one value and zeros is that value, bit for bit.
        chosen = tf.reduce_sum(tf.one_hot(self.nearest(inputs), self.num_values, dtype=values.dtype) * values, axis=-1)
        return tf.concat([inputs, chosen], axis=-1)

    def nearest(self, z: tf.Tensor) -> tf.Tensor:
        """The places of the values that are nearest to z [B, D]: int32 [B, D], from 0 to V - 1."""
        distances = tf.abs(z[:, :, tf.newaxis] - tf.convert_to_tensor(self.values))
        return tf.argmin(distances, axis=-1, output_type=tf.int32)

    def compute_output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:-1], 2 * shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_values": self.num_values}
