"""Latent traversals: how images change with each latent (Kim & Mnih, 2018, Figures 6 and 9)."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from tfvae.codes.capabilities import capabilities_of
from tfvae.codes.latents import INFORMATION, latent_information
from tfvae.data.images import ImageData
from tfvae.data.shapes import undrawable
from tfvae.files.atomic import written_whole
from tfvae.plots import tiles
from tfvae.plots.figures import check_suffix, save_figure
from tfvae.plots.ranges import column_labels, range_label, shared, usual_values

GAP = 2  # pixels between tiles
MARGIN = 10


@dataclass(frozen=True)
class Traversals:
    """One image's latents, each traversed while the others are held at its inferred means.

    Args:
        images: float32 [N, H, W, C] in [0, 1]; the first is the one whose code is traversed.
        reconstructions: float32 [N, H, W, C], the decoded means of the images.
        values: float [D, V]: row i holds the values that latents[i] takes, as `traverse` gives them.
        latents: int [D], the dimension of each row, by descending information; in ascending order without it.
        information: float [D], what each row's latent carries, in nats: see `tfvae.codes.latent_information`; None for
            a model without a posterior.
        frames: float32 [D, V, H, W, C]: row i holds the decoded codes with z[latents[i]] at each of values[i].
        category: int, the likeliest category of the first image; None for a model without a categorical latent.
        categories: float32 [K, H, W, C]: the decoded codes with each of the K categories; None without them.

    Examples:
        >>> from tfvae.plots.traversals import traverse
        >>> encode, decode = tfvae.zoo.load_encoder("vae-dsprites"), tfvae.zoo.load_decoder("vae-dsprites")
        >>> found = traverse(encode, decode, np.zeros([2, 64, 64, 1]))
        >>> found.frames.shape, sorted(found.latents.tolist())
        ((10, 11, 64, 64, 1), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """

    images: np.ndarray
    reconstructions: np.ndarray
    values: np.ndarray
    latents: np.ndarray
    information: np.ndarray | None
    frames: np.ndarray
    category: int | None = None
    categories: np.ndarray | None = None


def traverse(
    represent: Callable[[np.ndarray], Any],
    decode: Callable[[np.ndarray], Any],
    images: np.ndarray,
    *,
    values: np.ndarray | None = None,
    steps: int = 11,
) -> Traversals:
    """Traverses each latent of the first image.

    A model with a categorical latent represents it by "probabilities" [N, K], and its decoder takes K more inputs, a
    one-hot category: [B, D + K]. While other latents are traversed, it is the image's likeliest category.

    Args:
        represent: float32 images [N, H, W, C] -> {"mean": [N, D]} with, if the model has them, "log_variance" [N, D]
            and "probabilities" [N, K]; or codes [N, D].
        decode: float32 codes [B, D] or [B, D + K] -> images [B, H, W, C] in [0, 1].
        images: float [N, H, W, C] in [0, 1]. The information by which rows are sorted and the default values are
            estimated from all of them: a few hundred are enough.
        values: float [V], the same for each latent; by default from two standard deviations below the mean of each
            latent to two above, of the aggregate posterior of the images: codes may lie apart from the prior, and the
            decoder was trained where they lie. For a single image the default is -2 to 2.
        steps: int, the number of default values (V).

    Raises:
        ValueError: if the images have another shape or range, or there are none, or values have another shape.

    Examples:
        >>> from tfvae.plots.traversals import traverse
        >>> encode, decode = tfvae.zoo.load_encoder("vae-dsprites"), tfvae.zoo.load_decoder("vae-dsprites")
        >>> traverse(encode, decode, np.zeros([2, 64, 64, 1])).frames.shape
        (10, 11, 64, 64, 1)
    """
    images = np.asarray(images)
    if not len(images) or undrawable(images.shape[1:]):
        raise ValueError(f"Expected images [N, H, W, C] with C 1 or 3. Received: images.shape={images.shape}")
    if not np.issubdtype(images.dtype, np.floating) or not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"Expected floating-point images in [0, 1]. Received: images.dtype={images.dtype}, "
            f"values from {images.min()} to {images.max()}"
        )
    images = images.astype(np.float32)
    found = represent(images)
    codes = found if isinstance(found, Mapping) else {"mean": found}
    count = np.shape(codes["mean"])[1]
    if values is not None and (np.ndim(values) != 1 or not np.size(values)):
        raise ValueError(f"Expected values [V]. Received: values.shape={np.shape(values)}")
    values = usual_values(codes, steps) if values is None else np.asarray(values, dtype=float)
    values = np.broadcast_to(values, (count, values.shape[-1]))
    information = latent_information(codes)
    latents = np.arange(count) if information is None else np.argsort(-information[:count], kind="stable")
    inputs = decoder_inputs(codes)
    category, categories = None, None
    if "probabilities" in codes:
        count = np.shape(codes["probabilities"])[1]
        category = int(np.argmax(codes["probabilities"][0]))
        each = np.hstack([np.tile(inputs[0, :-count], (count, 1)), np.eye(count, dtype=np.float32)])
        categories = np.asarray(decode(each), dtype=np.float32)
    return Traversals(
        images=images,
        reconstructions=np.asarray(decode(inputs), dtype=np.float32),
        values=values[latents],
        latents=latents,
        information=None if information is None else information[latents],
        frames=traversal_frames(decode, inputs[0], latents, values[latents]),
        category=category,
        categories=categories,
    )


def draw_traversals(
    path: str | os.PathLike,
    model: Any,
    data: ImageData,
    *,
    reach: float | None = None,
    index: int | None = None,
    seed: int = 0,
) -> None:
    """Writes the traversals of one image's latents, sorted by what they carry over 256 random images.

    Args:
        path: .png, .pdf or .svg is the paper's figure, .gif an animation.
        model: a model that decodes, as `tfvae.codes.capabilities_of` takes it.
        data: images, with or without factors.
        reach: float > 0, each latent goes from minus to plus this. By default it goes as far as the model's
            `traversal_range` where that is a number, and otherwise where the codes of the random images lie: two
            standard deviations to each side of their mean. The picture says from where to where.
        index: the image whose latents are traversed; by default one at random.
        seed: decides which images are drawn at random.

    Raises:
        ValueError: for another suffix or reach, a model without a decoder, images of another shape than the model's,
            or data that cannot be drawn.
        IndexError: for an index that is not in the data.

    Examples:
        >>> from tfvae.plots.traversals import draw_traversals
        >>> data = tfvae.data.load("dsprites")
        >>> draw_traversals("traversals.png", tfvae.zoo.load_model("vae-dsprites"), data)
    """
    path, able = check_suffix(path, ".gif"), capabilities_of(model)
    if able.decode is None:
        raise ValueError("Expected a model with a decoder. Received: one that only represents images")
    able.check_shape(data.image_shape)
    if reason := undrawable(data.image_shape):
        raise ValueError(f"Expected images of 1 or 3 channels, which can be drawn. Received: {data.name}: {reason}")
    reach = able.traversal_range if reach is None else reach
    if reach is not None and not 0 < reach < np.inf:
        raise ValueError(f"Expected a reach (--range) above 0. Received: {reach}")
    indices = np.random.default_rng(seed).choice(len(data), min(256, len(data)), replace=False)
    if index is not None:
        indices[0] = index
    images = data.scaled(indices)
    # A colour frame is several times as large as a grey one: half as many keep the file near a megabyte.
    frames = 25 if images.shape[-1] == 1 else 13
    steps = frames if path.suffix == ".gif" else 11
    values = None if reach is None else np.linspace(-reach, reach, steps)
    traversals = traverse(able.represent, able.decode, images, values=values, steps=steps)
    if path.suffix == ".gif":
        save_gif(traversals, path)
    else:
        save_figure(plot_traversals(traversals), path)


def decoder_inputs(codes: Mapping[str, Any]) -> np.ndarray:
    """Means, followed by the likeliest category if there are "probabilities": float32 [N, D] or [N, D + K]."""
    mean = np.asarray(codes["mean"], np.float32)
    if "probabilities" not in codes:
        return mean
    probabilities = np.asarray(codes["probabilities"])
    return np.hstack([mean, np.eye(probabilities.shape[1], dtype=np.float32)[probabilities.argmax(axis=1)]])


def traversal_frames(
    decode: Callable[[np.ndarray], Any], code: np.ndarray, latents: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Decodes a code with one latent at a time set to each value.

    Args:
        decode: float32 codes [B, D] -> images [B, H, W, C]; D includes categories.
        code: float [D].
        latents: int [R], the dimension that each row of frames traverses.
        values: float [V], or [R, V] with other values for each row.

    Returns:
        float32 [R, V, H, W, C].
    """
    codes = np.tile(np.asarray(code, dtype=np.float32), (len(latents), np.shape(values)[-1], 1))
    codes[np.arange(len(latents)), :, latents] = values
    frames = np.asarray(decode(codes.reshape(-1, codes.shape[-1])), dtype=np.float32)
    return frames.reshape(len(latents), np.shape(values)[-1], *frames.shape[1:])


def plot_traversals(traversals: Traversals, *, scale: int | None = None) -> Figure:
    """Draws the paper's figure: originals, reconstructions, then a row for each latent, by descending information.

    The framed original is the one whose latents are traversed. There are as many images as values. Above the columns
    are the values, where all latents take the same. Otherwise they are standard deviations from each latent's mean, and
    a row's label has its first and last value. The last rows show the categories of a categorical latent, with the
    image's own framed.

    Args:
        traversals: from `traverse`.
        scale: int, screen pixels for each image pixel; by default enough for tiles 64 pixels high.

    Returns:
        A matplotlib figure without a global backend. At its own dpi, each image pixel fills whole screen pixels.

    Examples:
        >>> from tfvae.plots.traversals import plot_traversals, traverse
        >>> encode, decode = tfvae.zoo.load_encoder("vae-dsprites"), tfvae.zoo.load_decoder("vae-dsprites")
        >>> found = traverse(encode, decode, np.zeros([2, 64, 64, 1]))
        >>> figure = plot_traversals(found)
    """
    scale = tiles.scale_for(traversals.images, 64) if scale is None else scale
    height, width = (scale * size for size in traversals.images.shape[1:3])
    left, split, columns = 110, 34, traversals.values.shape[1]
    body = MARGIN + 2 * (height + GAP) + split  # where the rows of latents begin
    below = body + len(traversals.latents) * (height + GAP)  # and where they end
    count = 0 if traversals.categories is None else len(traversals.categories)
    lines = -(-count // columns)
    figure = tiles.new_figure(
        left + columns * (width + GAP) - GAP + MARGIN, below + lines * (split + height + GAP) - GAP + MARGIN
    )

    def draw(row: np.ndarray, top: int, label: str, color: str = tiles.INK) -> None:
        tiles.add_text(figure, left - 8, top + height / 2, label, align="right", color=color)
        for column, image in enumerate(row[:columns]):
            tiles.add_image(figure, left + column * (width + GAP), top, image, scale)

    draw(traversals.images, MARGIN, "image")
    draw(traversals.reconstructions, MARGIN + height + GAP, "reconstruction")
    tiles.add_frame(figure, left, MARGIN, width, height)
    heading = "latent" if traversals.information is None else "latent, in nats"
    tiles.add_text(figure, left - 8, body - 10, heading, align="right", color=tiles.FAINT)
    for column, label in enumerate(column_labels(traversals.values)):
        tiles.add_text(figure, left + column * (width + GAP) + width / 2, body - 10, label, color=tiles.FAINT)
    for row, (label, color) in enumerate(latent_labels(traversals.latents, traversals.information)):
        top = body + row * (height + GAP)
        draw(traversals.frames[row], top, label, color)
        if not shared(traversals.values):
            values = range_label(traversals.values[row])
            tiles.add_text(figure, left - 8, top + height / 2 + 14, values, align="right", color=tiles.FAINT)
    for line in range(lines):
        top = below + line * (split + height + GAP) + split
        drawn = range(line * columns, min(count, (line + 1) * columns))
        assert traversals.categories is not None
        draw(traversals.categories[drawn.start : drawn.stop], top, "category")
        for column, category in enumerate(drawn):
            x = left + column * (width + GAP)
            tiles.add_text(figure, x + width / 2, top - 10, str(category), color=tiles.FAINT)
            if category == traversals.category:
                tiles.add_frame(figure, x, top, width, height)
    return figure


def save_gif(
    traversals: Traversals, path: str | os.PathLike, *, scale: int | None = None, seconds: float = 4.0
) -> None:
    """Writes an endless animation: an image, its reconstruction and its latents, each swept back and forth.

    Above each latent are its label and the values from which and to which it goes.

    Args:
        traversals: from `traverse`; about 25 values look smooth.
        path: the file to write.
        scale: int, screen pixels for each image pixel; by default enough for tiles 96 pixels high.
        seconds: float, the length of a sweep back and forth. GIF rounds each frame's time to a hundredth.

    Examples:
        >>> from tfvae.plots.traversals import save_gif, traverse
        >>> encode, decode = tfvae.zoo.load_encoder("vae-dsprites"), tfvae.zoo.load_decoder("vae-dsprites")
        >>> found = traverse(encode, decode, np.zeros([2, 64, 64, 1]))
        >>> save_gif(found, "traversals.gif")
    """
    scale = tiles.scale_for(traversals.images, 96) if scale is None else scale
    height, width = (scale * size for size in traversals.images.shape[1:3])
    caption, bar, gap = 36, 4, 8
    labels = [
        ("image", tiles.INK),
        ("reconstruction", tiles.INK),
        *latent_labels(traversals.latents, traversals.information, unit=" nats"),
    ]
    if traversals.categories is not None:
        labels.append(("category", tiles.INK))
    rows = max(1, round((len(labels) / 2.5) ** 0.5))
    columns = -(-len(labels) // rows)
    corners = [
        (MARGIN + column * (width + gap), MARGIN + row * (caption + height + gap) + caption)
        for row in range(rows)
        for column in range(columns)
    ][: len(labels)]
    right = MARGIN + columns * (width + gap) - gap
    bar_top = MARGIN + rows * (caption + height + gap)

    # Text is drawn once: frames differ only in their tiles and in the position of the bar's cursor.
    figure = tiles.new_figure(right + MARGIN, bar_top + bar + MARGIN)
    below = ["", "", *(range_label(values) for values in traversals.values), ""]
    for (x, y), (label, color), values in zip(corners, labels, below, strict=False):
        tiles.add_text(figure, x + width / 2, y - (25 if values else 11), label, color=color)
        tiles.add_text(figure, x + width / 2, y - 11, values, color=tiles.FAINT)
    background = tiles.rendered(figure)
    background[bar_top : bar_top + bar, MARGIN:right] = 230

    count = traversals.values.shape[1]
    # Grey needs fewer levels, which saves a third of the file.
    colors = 64 if traversals.images.shape[-1] == 1 else 256
    frames = []
    for step in [*range(count), *range(count - 2, 0, -1)]:
        frame = background.copy()
        shown = [traversals.images[0], traversals.reconstructions[0], *traversals.frames[:, step]]
        if traversals.categories is not None:
            shown.append(traversals.categories[step * len(traversals.categories) // count])
        for (x, y), image in zip(corners, shown, strict=True):
            frame[y : y + height, x : x + width] = tiles.pixels(image, scale)
        picture = Image.fromarray(frame).quantize(colors - 1, dither=Image.Dither.NONE)
        # The cursor's colour is reserved in the palette: quantisation drops colours of few pixels.
        palette = (picture.getpalette() or [])[: 3 * (colors - 1)]
        picture.putpalette(palette + [0] * (3 * (colors - 1) - len(palette)) + list(tiles.ACCENT))
        centre = MARGIN + round((right - MARGIN) * (step + 0.5) / count)
        picture.paste(colors - 1, (max(MARGIN, centre - 12), bar_top, min(right, centre + 12), bar_top + bar))
        frames.append(picture)
    duration = max(20, round(1000 * seconds / len(frames)))
    with written_whole(path) as beside:
        frames[0].save(beside, "GIF", save_all=True, append_images=frames[1:], duration=duration, loop=0)


def latent_labels(latents: np.ndarray, information: np.ndarray | None, unit: str = "") -> list[tuple[str, str]]:
    """The label and colour of the row of each latent, int [R], which carries `information`, float [R], in nats."""
    if information is None:
        return [(f"z{latent}", tiles.INK) for latent in latents]
    pairs = zip(latents, information, strict=True)
    return [
        (f"z{latent}   {nats:.2f}{unit}", tiles.INK if nats > INFORMATION else tiles.FAINT) for latent, nats in pairs
    ]
