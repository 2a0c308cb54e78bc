"""Adam, in one pass over the memory of a variable."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfvae")
class Adam(keras.optimizers.Adam):
    """Keras's Adam (Kingma & Ba, 2015) by TensorFlow's fused operation: equal up to rounding, arguments the same.

    Keras writes an update as a dozen operations, each of which goes through the memory of a variable; of FactorVAE's
    discriminator, which has 5 million weights, that is a tenth of the step. Checkpoints fit either.
    """

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: Any) -> None:
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        dtype, index = variable.dtype, self._get_variable_index(variable)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        step = tf.cast(self.iterations + 1, dtype)
        # Keras calls it within the strategy's update of one replica's variable, where a handle is that replica's.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )
