"""The networks of the paper (Kim & Mnih, 2018, Appendix A), as built Keras models that output tensors.

Each takes a seed for its initial weights, so that building one neither reads nor moves a global random state.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import keras
from keras import layers

from tfvae.data.shapes import is_image, noun
from tfvae.networks.layers import LAST, Conv2DTranspose, cropped

_STRIDES = 2**4


def encoder(
    image_shape: tuple[int, ...],
    latent_dim: int,
    *,
    outputs: int | None = None,
    units: int = 128,
    seed: int = 0,
    dtype: str | None = None,
) -> keras.Model:
    """The encoder of Tables 1 to 3: images [B, H, W, C] -> [B, 2 D], means and log variances.

    The tables print no activation after the fully connected layer; without one it would be redundant, so it has a ReLU.

    Args:
        image_shape: (H, W, C), of any size.
        latent_dim: D.
        outputs: the size of the output where it is not 2 D, as for a model with other latents than Gaussian ones.
        units: width of the fully connected layer: 128 in Table 1, 256 in Tables 2 and 3.
        seed: decides the initial weights.
        dtype: precision of all layers but the last, which is float32: a Keras dtype policy.

    Raises:
        ValueError: when image_shape is not that of images, or a size or latent_dim is below 1.

    Examples:
        >>> tfvae.networks.encoder((64, 64, 1), 10).output_shape
        (None, 20)
    """
    check_image_shape(image_shape, latent_dim)
    layer = layer_settings(seed, dtype)
    return keras.Sequential(
        [
            keras.Input(image_shape, name="images"),
            *[
                layers.Conv2D(filters, 4, 2, "same", data_format=LAST, activation="relu", **next(layer))
                for filters in (32, 32, 64, 64)
            ],
            layers.Flatten(data_format=LAST, name="flatten", dtype=dtype),
            layers.Dense(units, activation="relu", **next(layer)),
            layers.Dense(2 * latent_dim if outputs is None else outputs, **(next(layer) | OUTPUT)),
        ],
        name="encoder",
    )


def decoder(
    image_shape: tuple[int, ...],
    latent_dim: int,
    *,
    units: int = 128,
    seed: int = 0,
    dtype: str | None = None,
) -> keras.Model:
    """The decoder of Tables 1 to 3: codes [B, D] -> logits [B, H, W, C]. Arguments as those of `encoder`.

    Where H or W is not a multiple of 16, it draws the next larger multiple and crops it.

    Examples:
        >>> tfvae.networks.decoder((64, 64, 1), 10).output_shape
        (None, 64, 64, 1)
    """
    check_image_shape(image_shape, latent_dim)
    grid = (*grid_of(image_shape), 64)
    layer = layer_settings(seed, dtype)
    return keras.Sequential(
        [
            keras.Input((latent_dim,), name="codes"),
            layers.Dense(units, activation="relu", **next(layer)),
            layers.Dense(grid[0] * grid[1] * grid[2], activation="relu", **next(layer)),
            layers.Reshape(grid, name="reshape", dtype=dtype),
            *[
                Conv2DTranspose(filters, 4, 2, "same", data_format=LAST, activation="relu", **next(layer))
                for filters in (64, 32, 32)
            ],
            Conv2DTranspose(image_shape[2], 4, 2, "same", data_format=LAST, **(next(layer) | OUTPUT)),
            *cropped((_STRIDES * grid[0], _STRIDES * grid[1]), image_shape),
        ],
        name="decoder",
    )


def discriminator(
    latent_dim: int, *, depth: int = 6, units: int = 1000, seed: int = 0, dtype: str | None = None
) -> keras.Model:
    """FactorVAE's discriminator: codes [B, D] -> logits [B, 2], "from q(z)" and "from the product of its marginals".

    Args:
        latent_dim: D.
        depth: number of hidden layers.
        units: width of each.
        seed: decides the initial weights.
        dtype: precision of all layers but the last, which is float32: a Keras dtype policy.

    Examples:
        >>> tfvae.networks.discriminator(10, depth=2, units=64).output_shape
        (None, 2)
    """
    layer = layer_settings(seed, dtype)
    hidden = []
    for place in range(depth):
        hidden += [
            layers.Dense(units, **next(layer)),
            layers.LeakyReLU(negative_slope=0.2, name=f"leaky_relu_{place}", dtype=dtype),
        ]
    output = layers.Dense(2, **(next(layer) | OUTPUT))
    return keras.Sequential([keras.Input((latent_dim,), name="codes"), *hidden, output], name="discriminator")


# The tables differ in the width of the fully connected layers; the channels are those of the data.
ARCHITECTURES: dict[str, dict[str, int]] = {
    "table_1": {"units": 128},  # 2D Shapes
    "table_2": {"units": 256},  # 3D Shapes, CelebA, 3D Chairs
    "table_3": {"units": 256},  # 3D Faces
}


# The output of a last layer parameterises a distribution, so it is float32 whatever the precision of the others.
OUTPUT = {"dtype": "float32"}


def layer_settings(seed: int, dtype: str | None) -> Iterator[dict[str, Any]]:
    """Arguments of one layer after the other: Glorot's uniform, Keras's default, with a seed and a name of its own.

    Names that Keras makes up count the layers of the process, and an exported graph would differ by them.
    """
    for place in count():
        initializer = keras.initializers.GlorotUniform(seed=seed * 1000 + place)
        yield {"kernel_initializer": initializer, "dtype": dtype, "name": f"layer_{place}"}


def check_shape(shape: tuple[int, ...], latent_dim: int) -> None:
    """Raises ValueError when a size of an example, or latent_dim, is below 1."""
    if not shape or min(shape) < 1:
        raise ValueError(f"Expected a shape of sizes of at least 1. Received: shape={shape}")
    if latent_dim < 1:
        raise ValueError(f"Expected latent_dim of at least 1. Received: latent_dim={latent_dim}")


def check_image_shape(image_shape: tuple[int, ...], latent_dim: int) -> None:
    """Raises ValueError when a shape is not that of images, or a size or latent_dim is below 1."""
    if not is_image(image_shape):
        raise ValueError(
            "Expected image_shape (H, W, C); for vectors (F,), choose architecture='dense'. "
            f"Received: image_shape={image_shape}, of {noun(image_shape)}"
        )
    check_shape(image_shape, latent_dim)


def grid_of(image_shape: tuple[int, ...]) -> tuple[int, int]:
    """The size (H, W) that four layers of stride 2 enlarge to that of the images, or to the next larger one."""
    height, width, _ = image_shape
    return -(-height // _STRIDES), -(-width // _STRIDES)
