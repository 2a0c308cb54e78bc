"""Adam, in one pass over the memory of a variable."""

import functools
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfvae")
class Adam(keras.optimizers.Adam):
    """Keras's Adam (Kingma & Ba, 2015) by TensorFlow's fused operation: equal up to rounding, arguments the same.

    Keras writes an update as a dozen operations, each of which goes through the memory of a variable; of FactorVAE's
    discriminator, which has 5 million weights, that is a tenth of the step. Checkpoints fit either.
    """

    _shared: Any = None  # `_factors` of the variables that are being updated

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        # A graph takes time to trace for each operation: what all variables need alike is computed once.
        self._shared = functools.cache(self._factors)
        try:
            return super().apply(grads, trainable_variables)
        finally:
            self._shared = None

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: Any) -> None:
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        dtype, index = variable.dtype, self._get_variable_index(variable)
        # Keras calls it within the strategy's update of one replica's variable, where a handle is that replica's.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            lr=tf.cast(learning_rate, dtype),
            grad=tf.cast(gradient, dtype),
            **(self._shared or self._factors)(dtype, variable.device),
        )

    def _factors(self, dtype: tf.DType, device: str) -> dict[str, tf.Tensor]:
        """What ResourceApplyAdam takes of this step for all variables of a type on a device."""
        beta_1, beta_2, epsilon = (tf.cast(value, dtype) for value in (self.beta_1, self.beta_2, self.epsilon))
        step = tf.cast(self.iterations + 1, dtype)
        return {
            "beta1_power": beta_1**step,
            "beta2_power": beta_2**step,
            "beta1": beta_1,
            "beta2": beta_2,
            "epsilon": epsilon,
        }
