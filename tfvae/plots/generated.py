"""Reconstructions of images by a generator, from each image's code and different noise."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tfvae.plots import tiles
from tfvae.plots.samples import plot_samples
from tfvae.plots.traversals import GAP, MARGIN, decoder_inputs


def reconstructions_under_noise(
    represent: Callable[[np.ndarray], Mapping[str, Any]],
    decode: Callable[[np.ndarray, np.ndarray], Any],
    images: np.ndarray,
    noise: np.ndarray,
) -> np.ndarray:
    """Generates from each image's code with each of several draws of noise (Kim & Mnih, 2018, Figure 26).

    The code decides what stays the same along a row, the noise what changes.

    Args:
        represent: float32 images [N, H, W, C] -> {"mean": [N, D]} and, with a category, "probabilities" [N, K].
        decode: float32 codes [B, D + K] and noise [B, M] -> images [B, H, W, C].
        images: float32 [N, H, W, C] in [0, 1].
        noise: float32 [V, M].

    Returns:
        float32 [N, V, H, W, C].

    Examples:
        >>> from tfvae.plots.generated import reconstructions_under_noise
        >>> model = tfvae.create("info_gan", (64, 64, 1), latent_dim=2, categories=3, noise_dim=4)
        >>> images, noise = np.zeros([2, 64, 64, 1], np.float32), np.zeros([3, 4], np.float32)
        >>> reconstructions_under_noise(model.predict_on_batch, model.decode, images, noise).shape
        (2, 3, 64, 64, 1)
    """
    codes = decoder_inputs(represent(images))
    drawn = np.asarray(decode(codes.repeat(len(noise), axis=0), np.tile(noise, (len(codes), 1))), np.float32)
    return drawn.reshape(len(codes), len(noise), *drawn.shape[1:])


def plot_reconstructions(images: np.ndarray, reconstructions: np.ndarray, *, scale: int | None = None) -> Figure:
    """Draws the paper's Figure 26: in each row a framed image and its reconstructions under different noise.

    Args:
        images: float [N, H, W, C] in [0, 1].
        reconstructions: float [N, V, H, W, C], from `reconstructions_under_noise`.
        scale: int, as in `plot_samples`.

    Returns:
        A matplotlib figure, as `plot_samples` does.

    Examples:
        >>> from tfvae.plots.generated import plot_reconstructions
        >>> figure = plot_reconstructions(np.zeros([2, 16, 16, 1]), np.ones([2, 5, 16, 16, 1]))
        >>> figure.savefig("reconstructions.png")
    """
    rows = np.concatenate([images[:, np.newaxis], reconstructions], axis=1)
    scale = tiles.scale_for(images, 64) if scale is None else scale
    figure = plot_samples(rows.reshape(-1, *images.shape[1:]), columns=rows.shape[1], scale=scale)
    height, width = (scale * size for size in images.shape[1:3])
    for row in range(len(images)):
        tiles.add_frame(figure, MARGIN, MARGIN + row * (height + GAP), width, height)
    return figure
