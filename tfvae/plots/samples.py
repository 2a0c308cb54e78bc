"""Images that a model generates (Kim & Mnih, 2018, Figures 19 to 22)."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tfvae.plots import tiles
from tfvae.plots.traversals import GAP, MARGIN


def prior_samples(
    decode: Callable[[np.ndarray], Any], latent_dim: int, rng: np.random.Generator, *, number: int = 64
) -> np.ndarray:
    """Mean images of p(x|z) for z ~ N(0, I).

    Args:
        decode: float32 codes [B, D] -> pixel probabilities [B, H, W, C].
        latent_dim: D.
        rng: source of all randomness.
        number: int, how many.

    Returns:
        float32 [number, H, W, C] in [0, 1].

    Examples:
        >>> from tfvae.plots.samples import prior_samples
        >>> decode = tfvae.zoo.load_decoder("vae-dsprites")
        >>> prior_samples(decode, 10, np.random.default_rng(0), number=4).shape
        (4, 64, 64, 1)
    """
    return np.asarray(decode(rng.standard_normal((number, latent_dim), np.float32)), np.float32)


def plot_samples(images: np.ndarray, *, columns: int = 10, scale: int | None = None) -> Figure:
    """Draws images, row by row.

    Args:
        images: float [N, H, W, C] in [0, 1].
        columns: int, images in a row.
        scale: int, screen pixels for each image pixel; by default enough for tiles 64 pixels high.

    Returns:
        A matplotlib figure without a global backend. At its own dpi, each image pixel fills whole screen pixels.

    Examples:
        >>> from tfvae.plots.samples import plot_samples
        >>> figure = plot_samples(np.zeros([4, 16, 16, 1]), columns=2)
        >>> figure.savefig("samples.png")
    """
    scale = tiles.scale_for(images, 64) if scale is None else scale
    height, width = (scale * size for size in images.shape[1:3])
    rows, columns = -(-len(images) // columns), min(columns, len(images))
    figure = tiles.new_figure(
        2 * MARGIN + columns * (width + GAP) - GAP,
        2 * MARGIN + rows * (height + GAP) - GAP,
    )
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        tiles.add_image(figure, MARGIN + column * (width + GAP), MARGIN + row * (height + GAP), image, scale)
    return figure
