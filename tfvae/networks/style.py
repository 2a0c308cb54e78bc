"""The decoder of the quantised-latent autoencoder, in which codes set the statistics of channels, as in StyleGAN."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfvae.networks.layers import LAST, cropped
from tfvae.networks.vae import OUTPUT, check_image_shape, grid_of, layer_settings

ARCHITECTURES: dict[str, dict[str, int]] = {"style": {"units": 256}}


@keras.saving.register_keras_serializable("tfvae")
class Constant(layers.Layer):
    """Trained values that do not depend on the input: [B, ...] -> [B, *shape], at first all 0.1.

    Args:
        shape: of the values, without B.
        kwargs: Keras's own: name, dtype, trainable.
    """

    def __init__(self, shape: tuple[int, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def build(self, _: tuple[int, ...]) -> None:
        self.constant = self.add_weight(shape=self.shape, initializer=keras.initializers.Constant(0.1), name="constant")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        values = tf.convert_to_tensor(self.constant)
        return tf.broadcast_to(values, [tf.shape(inputs)[0], *self.shape])

    def compute_output_shape(self, shape: tuple[int, ...]) -> tuple[int | None, ...]:
        return (shape[0], *self.shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shape": self.shape}


@keras.saving.register_keras_serializable("tfvae")
class ScaleAndShift(layers.Layer):
    """Scales and shifts each channel of each image: [B, H, W, C], [B, C] and [B, C] -> [B, H, W, C]."""

    def call(self, x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
        return x * scale[:, tf.newaxis, tf.newaxis] + shift[:, tf.newaxis, tf.newaxis]

    def compute_output_shape(self, shape: tuple[int, ...], *_: tuple[int, ...]) -> tuple[int, ...]:
        return shape


def style_decoder(
    image_shape: tuple[int, ...],
    latent_dim: int,
    *,
    units: int = 256,
    seed: int = 0,
    dtype: str | None = None,
) -> keras.Model:
    """A decoder whose codes scale and shift the channels of what it draws from a constant: [B, D] -> [B, H, W, C].

    Two fully connected layers make a style w [B, units] of the codes. Then, four times: a transposed convolution of
    4x4, stride 2 and without bias, a leaky ReLU, a normalisation of each channel over its pixels, and a scale and a
    shift for each channel, ReLU(A w + a), ReLU(B w + b). A convolution of 3x3 gives the logits.

    These are the layers of QLAE's authors (Hsu et al., 2023, after Karras et al., 2019), who have up to 512 channels
    and, in their larger one, twelve transposed convolutions. The channels here are those of Tables 1 to 3. On a
    processor a step with it takes three to four times as long as with `decoder`: its last layers have 32 channels of
    the full size.

    Args:
        image_shape: (H, W, C), of any size.
        latent_dim: D.
        units: width of both fully connected layers.
        seed: decides the initial weights.
        dtype: precision of all layers but the last, which is float32: a Keras dtype policy.

    Raises:
        ValueError: when image_shape is not that of images, or a size or latent_dim is below 1.

    Examples:
        >>> tfvae.networks.style_decoder((64, 64, 3), 12).output_shape
        (None, 64, 64, 3)
    """
    check_image_shape(image_shape, latent_dim)
    layer, (height, width) = layer_settings(seed, dtype), grid_of(image_shape)
    codes = style = keras.Input((latent_dim,), name="codes")
    for _ in range(2):
        style = layers.Dense(units, activation="relu", **next(layer))(style)
    x = Constant((height, width, 64), name="constant", dtype=dtype)(codes)
    for place, filters in enumerate((64, 64, 32, 32)):
        x = layers.Conv2DTranspose(filters, 4, 2, "same", data_format=LAST, use_bias=False, **next(layer))(x)
        x = layers.LeakyReLU(0.01, name=f"leaky_relu_{place}", dtype=dtype)(x)
        x = layers.GroupNormalization(-1, -1, 1e-6, False, False, name=f"normalization_{place}", dtype=dtype)(x)
        scale, shift = (layers.Dense(filters, activation="relu", **next(layer))(style) for _ in range(2))
        x = ScaleAndShift(name=f"scale_and_shift_{place}", dtype=dtype)(x, scale, shift)
    x = layers.Conv2D(image_shape[2], 3, 1, "same", data_format=LAST, **(next(layer) | OUTPUT))(x)
    for crop in cropped((16 * height, 16 * width), image_shape):
        x = crop(x)
    return keras.Model(codes, x, name="decoder")
