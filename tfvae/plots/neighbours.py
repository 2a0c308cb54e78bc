"""Pictures of the data that show what codes mean: both ends of each latent, and the nearest pictures."""

import numpy as np
from matplotlib.figure import Figure

from tfvae.analysis.extremes import Extremes
from tfvae.analysis.nearest import Nearest
from tfvae.data.images import ImageData
from tfvae.data.shapes import undrawable
from tfvae.plots import tiles
from tfvae.plots.traversals import GAP, MARGIN, latent_labels

_LEFT, _HEAD, _SPLIT = 110, 24, 24


def plot_extremes(data: ImageData, found: Extremes, *, scale: int | None = None) -> Figure:
    """Draws a row for each latent: the images at its lower end, and those at its upper end, by ascending codes.

    Args:
        data: the images.
        found: from `tfvae.analysis.extremes.extremes`, of codes of these images.
        scale: int, screen pixels for each image pixel; by default enough for tiles 64 pixels high.

    Returns:
        A matplotlib figure without a global backend. At its own dpi, each image pixel fills whole screen pixels.

    Raises:
        ValueError: if the data cannot be drawn.

    Examples:
        >>> from tfvae.analysis.extremes import extremes
        >>> from tfvae.plots.neighbours import plot_extremes
        >>> data = tfvae.data.as_image_data(np.linspace(0, 1, 4)[:, None, None, None] * np.ones([16, 16, 1]))
        >>> codes = tfvae.codes.Codes(lambda images: images.mean(axis=(1, 2)), data)
        >>> len(plot_extremes(data, extremes(codes, count=2)).artists)
        4
    """
    _check_drawable(data)
    rows = [[data.scaled(low), data.scaled(high)] for low, high in zip(found.low, found.high, strict=True)]
    labels = latent_labels(found.latents, found.information)
    heading = "latent" if found.information is None else "latent, in nats"
    return _drawn(data, rows, labels, (heading, "lowest", "highest"), (0, found.high.shape[1] - 1), scale)


def plot_nearest(data: ImageData, found: Nearest, *, scale: int | None = None) -> Figure:
    """Draws a row for each image: itself, and the images whose codes are nearest, the nearest first.

    Args:
        data: the images that neighbours were found in.
        found: from `tfvae.analysis.nearest.nearest`, of codes of these images.
        scale: as `plot_extremes` takes it.

    Returns:
        A figure, as that of `plot_extremes`.

    Raises:
        ValueError: if the data cannot be drawn.

    Examples:
        >>> from tfvae.analysis.nearest import nearest
        >>> from tfvae.plots.neighbours import plot_nearest
        >>> data = tfvae.data.as_image_data(np.linspace(0, 1, 4)[:, None, None, None] * np.ones([16, 16, 1]))
        >>> codes = tfvae.codes.Codes(lambda images: images.mean(axis=(1, 2)), data)
        >>> len(plot_nearest(data, nearest(codes, [0, 3], count=2)).artists)
        6
    """
    _check_drawable(data)
    own = found.images[:, np.newaxis].astype(np.float32) / 255
    rows = [[image, data.scaled(places)] for image, places in zip(own, found.places, strict=True)]
    return _drawn(data, rows, [("", tiles.INK)] * len(rows), ("", "image", "nearest"), (0, 0), scale)


def _check_drawable(data: ImageData) -> None:
    if reason := undrawable(data.image_shape):
        raise ValueError(f"Expected images of 1 or 3 channels, which can be drawn. Received: {data.name}: {reason}")


def _drawn(
    data: ImageData,
    rows: list[list[np.ndarray]],
    labels: list[tuple[str, str]],
    headings: tuple[str, str, str],
    above: tuple[int, int],
    scale: int | None,
) -> Figure:
    """Rows of a label and two groups of images, each [n, H, W, C], with a heading above one of its columns."""
    scale = tiles.scale_for(rows[0][0], 64) if scale is None else scale
    height, width = (scale * size for size in data.image_shape[:2])
    left = _LEFT if headings[0] else MARGIN
    starts = [left, left + len(rows[0][0]) * (width + GAP) + _SPLIT]
    across = starts[1] + len(rows[0][1]) * (width + GAP) - GAP + MARGIN
    figure = tiles.new_figure(across, _HEAD + len(rows) * (height + GAP) - GAP + MARGIN)
    tiles.add_text(figure, left - 8, _HEAD - 10, headings[0], align="right", color=tiles.FAINT)
    for start, heading, tile in zip(starts, headings[1:], above, strict=True):
        middle = start + tile * (width + GAP) + width / 2
        tiles.add_text(figure, middle, _HEAD - 10, heading, color=tiles.FAINT)
    for row, (groups, (label, color)) in enumerate(zip(rows, labels, strict=True)):
        top = _HEAD + row * (height + GAP)
        tiles.add_text(figure, left - 8, top + height / 2, label, align="right", color=color)
        for start, images in zip(starts, groups, strict=True):
            for column, image in enumerate(images):
                tiles.add_image(figure, start + column * (width + GAP), top, image, scale)
    return figure
