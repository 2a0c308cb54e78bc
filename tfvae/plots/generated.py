"""Images that a generator draws: from its prior, and from an image's code with one noise after the other."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tfvae.plots import tiles
from tfvae.plots.traversals import GAP, MARGIN, decoder_inputs


def plot_samples(images: np.ndarray, *, columns: int = 10, scale: int | None = None) -> Figure:
    """Draws images, row by row.

    Args:
        images: float [N, H, W, C] in [0, 1].
        columns: int, images a row.
        scale: int, screen pixels for each image pixel; by default as many as make a tile 64 pixels high.

    Returns:
        A matplotlib figure, of no global backend. At its own dpi, each image pixel fills whole screen pixels.
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


def reconstructions_under_noise(
    represent: Callable[[np.ndarray], Mapping[str, Any]],
    decode: Callable[[np.ndarray, np.ndarray], Any],
    images: np.ndarray,
    noise: np.ndarray,
) -> np.ndarray:
    """Generates from each image's own code with one noise after the other (Kim & Mnih, 2018, Figure 26).

    What stays the same along a row is what the codes hold; what changes is left to the noise.

    Args:
        represent: float32 images [N, H, W, C] -> {"mean": [N, D]} and, where there is one, "probabilities" [N, K].
        decode: float32 codes [B, D + K] and noise [B, M] -> images [B, H, W, C].
        images: float32 [N, H, W, C] in [0, 1].
        noise: float32 [V, M].

    Returns:
        float32 [N, V, H, W, C].
    """
    codes = decoder_inputs(represent(images))
    drawn = np.asarray(decode(codes.repeat(len(noise), axis=0), np.tile(noise, (len(codes), 1))), np.float32)
    return drawn.reshape(len(codes), len(noise), *drawn.shape[1:])


def plot_reconstructions(images: np.ndarray, reconstructions: np.ndarray, *, scale: int | None = None) -> Figure:
    """Draws the paper's Figure 26: each image, framed, and beside it its reconstructions under other noise.

    Args:
        images: float [N, H, W, C] in [0, 1].
        reconstructions: float [N, V, H, W, C], from `reconstructions_under_noise`.
        scale: int, as in `plot_samples`.

    Returns:
        A matplotlib figure, as `plot_samples` does.
    """
    rows = np.concatenate([images[:, np.newaxis], reconstructions], axis=1)
    scale = tiles.scale_for(images, 64) if scale is None else scale
    figure = plot_samples(rows.reshape(-1, *images.shape[1:]), columns=rows.shape[1], scale=scale)
    height, width = (scale * size for size in images.shape[1:3])
    for row in range(len(images)):
        tiles.add_frame(figure, MARGIN, MARGIN + row * (height + GAP), width, height)
    return figure
