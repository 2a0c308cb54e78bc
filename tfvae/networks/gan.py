"""The networks of InfoGAN and InfoWGAN-GP (Kim & Mnih, 2018, Tables 4 to 6), as built Keras models.

All convolutions are 4x4, "same", as in Chen et al. (2016), whose tables these follow: batch norm stands between a layer
and its activation, and a leaky ReLU has the slope 0.1. A layer before a batch norm has no bias, since batch
norm would cancel it. Batch norm's statistics are those of the global batch.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import keras
from keras import layers

from tfvae.data.shapes import is_image
from tfvae.networks.layers import LAST, cropped

SLOPE = 0.1


@dataclass(frozen=True)
class Architecture:
    """The sizes in one of the tables.

    Args:
        convolutions: filters and stride of each convolution of the trunk that D and Q share.
        units: width of the trunk's fully connected layer.
        code_units: width of the hidden layer that Q has of its own.
        generator_units: width of G's first fully connected layer.
        grid_filters: channels of G's second, which is a grid of as many pixels as its upconvolutions ask for.
        upconvolutions: filters and stride of each upconvolution but the last, which gives the image with stride 2.
        leaky_upconvolutions: whether a leaky ReLU follows them, not a ReLU.
    """

    convolutions: tuple[tuple[int, int], ...]
    units: int
    code_units: int
    generator_units: int
    grid_filters: int
    upconvolutions: tuple[tuple[int, int], ...]
    leaky_upconvolutions: bool

    @property
    def generator_stride(self) -> int:
        """G draws images of which H and W are multiples of it, and crops those of other sizes."""
        return 2 * math.prod(stride for _, stride in self.upconvolutions)


ARCHITECTURES: dict[str, Architecture] = {
    # MNIST: written for 28x28 (a grid of 7x7); also fits images padded to 32x32 (8x8).
    "table_4": Architecture(((64, 2), (128, 2)), 1024, 128, 1024, 128, ((64, 2),), False),
    # 2D Shapes.
    "table_5": Architecture(((32, 2), (32, 2), (64, 2), (64, 2)), 128, 128, 128, 64, ((64, 2), (32, 2), (32, 2)), True),
    # 2D Shapes, larger: the networks of Chen et al. (2016) for chairs.
    "table_6": Architecture(
        ((64, 2), (128, 2), (256, 2), (256, 1), (256, 1)),
        1024,
        128,
        1024,
        256,
        ((256, 1), (256, 1), (128, 2), (64, 2)),
        True,
    ),
}


def encoder(
    image_shape: tuple[int, ...],
    outputs: int,
    sizes: Architecture,
    *,
    critic: bool = False,
    seed: int = 0,
    dtype: str | None = None,
) -> keras.Model:
    """Q(c | x): images [B, H, W, C] -> [B, outputs]. Its two layers are the trunk, which D shares, and Q's own head.

    Args:
        image_shape: (H, W, C), of any size.
        outputs: D + C: means of the continuous codes, then logits of the categorical one.
        sizes: out of `ARCHITECTURES`.
        critic: whether the trunk is that of InfoWGAN-GP: no batch norm after its convolutions, and layer norm after its
            fully connected layer (Appendix H).
        seed: decides the initial weights.
        dtype: precision of all layers but the last, which is float32: a Keras dtype policy.

    Raises:
        ValueError: when image_shape is not that of images.
    """
    _check(image_shape)
    maker = _Layers(seed, dtype)
    trunk: list[keras.Layer] = []
    for place, (filters, stride) in enumerate(sizes.convolutions):
        # The tables have no batch norm after the first convolution.
        norm = None if critic or place == 0 else "batch"
        trunk += maker.block(layers.Conv2D, filters, 4, stride, "same", norm=norm, slope=SLOPE)
    trunk += [layers.Flatten(data_format=LAST, name="flatten", dtype=dtype)]
    trunk += maker.block(layers.Dense, sizes.units, norm="layer" if critic else "batch", slope=SLOPE)
    head = [
        *maker.block(layers.Dense, sizes.code_units, norm="batch", slope=SLOPE),
        maker.output(layers.Dense, outputs),
    ]
    return keras.Sequential(
        [
            keras.Input(image_shape, name="images"),
            keras.Sequential([keras.Input(image_shape, name="images"), *trunk], name="trunk"),
            keras.Sequential([keras.Input((sizes.units,), name="features"), *head], name="head"),
        ],
        name="encoder",
    )


def discriminator(units: int, *, seed: int = 0, dtype: str | None = None) -> keras.Model:
    """D's own part: the trunk's features [B, units] -> a logit, or a critic's value, [B, 1] in float32."""
    output = _Layers(seed, dtype).output(layers.Dense, 1)
    return keras.Sequential([keras.Input((units,), name="features"), output], name="discriminator")


def generator(
    image_shape: tuple[int, ...], inputs: int, sizes: Architecture, *, seed: int = 0, dtype: str | None = None
) -> keras.Model:
    """G: [B, inputs], continuous codes, the categorical code as one-hot, and noise -> images [B, H, W, C] in [0, 1].

    Arguments and errors as those of `encoder`.
    """
    _check(image_shape)
    maker = _Layers(seed, dtype)
    height, width = (-(-size // sizes.generator_stride) for size in image_shape[:2])
    grid = (height, width, sizes.grid_filters)
    hidden = maker.block(layers.Dense, sizes.generator_units, norm="batch")
    hidden += maker.block(layers.Dense, math.prod(grid), norm="batch")
    hidden += [layers.Reshape(grid, name="reshape", dtype=dtype)]
    slope = SLOPE if sizes.leaky_upconvolutions else 0.0
    for filters, stride in sizes.upconvolutions:
        hidden += maker.block(layers.Conv2DTranspose, filters, 4, stride, "same", norm="batch", slope=slope)
    output = maker.output(layers.Conv2DTranspose, image_shape[-1], 4, 2, "same", data_format=LAST, activation="sigmoid")
    crop = cropped((height * sizes.generator_stride, width * sizes.generator_stride), image_shape)
    return keras.Sequential([keras.Input((inputs,), name="inputs"), *hidden, output, *crop], name="generator")


class _Layers:
    """Makes layers in turn, each with its own seed and name.

    Names that Keras makes up count the layers of the process, and an exported graph would differ by them.
    """

    def __init__(self, seed: int, dtype: str | None) -> None:
        self.dtype = dtype
        self.settings = self._settings(seed)

    def _settings(self, seed: int) -> Iterator[dict[str, Any]]:
        for place in count():
            initializer = keras.initializers.GlorotUniform(seed=seed * 1000 + place)
            yield {"kernel_initializer": initializer, "dtype": self.dtype, "name": f"layer_{place}"}

    def block(self, kind: type, *sizes: Any, norm: str | None, slope: float = 0.0) -> list[keras.Layer]:
        """A layer, its norm and its (leaky) ReLU."""
        settings = next(self.settings)
        place = settings["name"].removeprefix("layer_")
        if kind is not layers.Dense:
            settings["data_format"] = LAST
        made = [kind(*sizes, use_bias=norm != "batch", **settings)]
        if norm == "batch":
            made += [layers.BatchNormalization(synchronized=True, name=f"norm_{place}", dtype=self.dtype)]
        elif norm == "layer":
            made += [layers.LayerNormalization(name=f"norm_{place}", dtype=self.dtype)]
        return [*made, layers.LeakyReLU(negative_slope=slope, name=f"relu_{place}", dtype=self.dtype)]

    def output(self, kind: type, *sizes: Any, **arguments: Any) -> keras.Layer:
        """A last layer, float32 whatever the precision of the others."""
        return kind(*sizes, **(next(self.settings) | {"dtype": "float32"}), **arguments)


def _check(image_shape: tuple[int, ...]) -> None:
    if not is_image(image_shape) or min(image_shape) < 1:
        raise ValueError(
            f"Expected image_shape (H, W, C), the only data that GANs take. Received: image_shape={image_shape}"
        )
