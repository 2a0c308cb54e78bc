"""A faster implementation of a Keras layer, and the layer that cuts images to their size."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

LAST = "channels_last"  # [B, H, W, C], whatever a user's keras.json says


@keras.saving.register_keras_serializable("tfvae")
class Conv2DTranspose(layers.Conv2DTranspose):
    """Keras's, computed in another way for a 4x4 kernel, stride 2, padding "same" and up to four output channels.

    Each 2x2 patch of the output is a convolution of 2x2 inputs (Shi et al., 2016): one convolution to four times the
    channels and a `depth_to_space` give the same numbers, up to rounding. On a processor that takes half the time for
    one channel; for 32 it would take longer. Arguments, weights, their names and gradients are those of Keras's layer.

    References:
        Shi et al. (2016), Is the deconvolution layer the same as a convolutional layer?
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        shape = (self.kernel_size, self.strides, self.padding, self.data_format, self.dilation_rate)
        if self.filters > 4 or shape != ((4, 4), (2, 2), "same", "channels_last", (1, 1)):
            return super().call(inputs)
        outputs = _transposed(inputs, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return outputs if self.activation is None else self.activation(outputs)


def cropped(size: tuple[int, int], image_shape: tuple[int, ...]) -> list[layers.Layer]:
    """The layer that cuts the middle (H, W) out of images of a larger size; none where they have that size."""
    margins = [larger - wanted for larger, wanted in zip(size, image_shape[:2], strict=True)]
    if not any(margins):
        return []
    cropping = [(margin // 2, margin - margin // 2) for margin in margins]
    return [layers.Cropping2D(cropping, data_format=LAST, name="crop", dtype="float32")]


@tf.custom_gradient
def _transposed(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """The transposed convolution of x [B, H, W, C] with a kernel [4, 4, C', C]: [B, 2 H, 2 W, C']."""

    def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # A transposed convolution's is a convolution, which TensorFlow does fast.
        dkernel = tf.raw_ops.Conv2DBackpropFilter(
            input=dy, filter_sizes=tf.shape(kernel), out_backprop=x, strides=[1, 2, 2, 1], padding="SAME"
        )
        return tf.nn.conv2d(dy, kernel, 2, "SAME"), dkernel

    # Output 2 j - 1 + p, p = 0, 1, is the sum over q = 0, 1 of input j - 1 + q times weight 2 (1 - q) + p.
    outputs, inputs = kernel.shape[2:]
    pairs = tf.reverse(tf.reshape(kernel, [2, 2, 2, 2, outputs, inputs]), [0, 2])  # [q, p, q', p', C', C]
    patches = tf.reshape(tf.transpose(pairs, [0, 2, 5, 1, 3, 4]), [2, 2, inputs, 4 * outputs])
    windows = tf.nn.conv2d(x, patches, 1, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return tf.nn.depth_to_space(windows, 2)[:, 1:-1, 1:-1], gradient
