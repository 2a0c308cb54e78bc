"""Fully connected networks, for vectors and for images of any size, as built Keras models.

They are from no paper: "dense" has two hidden layers of 256 units, for tables of some tens of columns.
"""

import math

import keras
from keras import layers

from tfvae.networks.layers import LAST
from tfvae.networks.vae import OUTPUT, check_shape, layer_settings


def dense_encoder(
    shape: tuple[int, ...],
    latent_dim: int,
    *,
    outputs: int | None = None,
    units: int = 256,
    depth: int = 2,
    seed: int = 0,
    dtype: str | None = None,
) -> keras.Model:
    """An encoder of hidden layers with ReLU: vectors [B, F], or images, -> [B, 2 D], means and log variances.

    Args:
        shape: (F,) of vectors, (H, W, C) of images, or any other.
        latent_dim: D.
        outputs: the size of the output where it is not 2 D, as for a model with other latents than Gaussian ones.
        units: width of each hidden layer.
        depth: number of hidden layers, at least 0.
        seed: decides the initial weights.
        dtype: precision of all layers but the last, which is float32: a Keras dtype policy.

    Raises:
        ValueError: when a size or latent_dim is below 1.

    Examples:
        >>> tfvae.networks.dense_encoder((12,), 3).output_shape
        (None, 6)
    """
    check_shape(shape, latent_dim)
    layer = layer_settings(seed, dtype)
    return keras.Sequential(
        [
            keras.Input(shape, name="images"),
            layers.Flatten(data_format=LAST, name="flatten", dtype=dtype),
            *[layers.Dense(units, activation="relu", **next(layer)) for _ in range(depth)],
            layers.Dense(2 * latent_dim if outputs is None else outputs, **(next(layer) | OUTPUT)),
        ],
        name="encoder",
    )


def dense_decoder(
    shape: tuple[int, ...],
    latent_dim: int,
    *,
    units: int = 256,
    depth: int = 2,
    seed: int = 0,
    dtype: str | None = None,
) -> keras.Model:
    """A decoder of hidden layers with ReLU: codes [B, D] -> [B, *shape], without an activation at the end.

    Arguments and errors as those of `dense_encoder`.

    Examples:
        >>> tfvae.networks.dense_decoder((12,), 3).output_shape
        (None, 12)
    """
    check_shape(shape, latent_dim)
    layer = layer_settings(seed, dtype)
    return keras.Sequential(
        [
            keras.Input((latent_dim,), name="codes"),
            *[layers.Dense(units, activation="relu", **next(layer)) for _ in range(depth)],
            layers.Dense(math.prod(shape), **(next(layer) | OUTPUT)),
            layers.Reshape(shape, name="reshape", **OUTPUT),
        ],
        name="decoder",
    )


ARCHITECTURES: dict[str, dict[str, int]] = {"dense": {"units": 256, "depth": 2}}
