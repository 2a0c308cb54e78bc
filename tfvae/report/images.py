"""The parts of a page that show images: traversals, samples, the ends of each latent, and nearest images."""

import base64
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from tfvae.analysis.extremes import extremes
from tfvae.analysis.nearest import nearest
from tfvae.codes import Codes
from tfvae.data.images import ImageData
from tfvae.data.shapes import undrawable
from tfvae.plots.ranges import column_labels, range_label, shared
from tfvae.plots.traversals import Traversals, traverse
from tfvae.report.contents import Contents, Subject

NO_DECODER = "the model has no decoder"
_GAP = 1  # image pixels between tiles
_LINE = (128, 128, 128, 80)  # what is drawn there: visible beside white and black images, on a light and a dark page


def add_traversals(contents: Contents, subject: Subject) -> None:
    """Adds the traversals of one image's latents, the categories of a categorical latent among them."""
    can = subject.capabilities
    if can.decode is None:
        contents.skip("traversals", NO_DECODER)
        return
    if reason := undrawable(subject.codes.data.image_shape):
        contents.skip("traversals", reason)
        return
    data, places = subject.codes.data, random_places(subject)
    values = None if can.traversal_range is None else np.linspace(-can.traversal_range, can.traversal_range, 11)
    found = traverse(can.represent, can.decode, data.scaled(places), values=values)
    contents.traversal = _rows(found, [data.name_of(place) for place in places])


def add_neighbours(contents: Contents, subject: Subject) -> None:
    """Adds the images at both ends of each latent, and the nearest images of five."""
    codes, names = subject.codes, "images at both ends of each latent, nearest images"
    if reason := undrawable(codes.data.image_shape):
        contents.skip(names, reason)
        return
    images = 2_000 if subject.quick else 10_000
    try:
        chosen = random_places(subject)[:5]
        close = nearest(codes, chosen, count=9, num_images=images, seed=subject.seed)
        ends = extremes(codes, num_images=images, seed=subject.seed) if not _only_categories(codes) else None
    except ValueError as error:
        contents.skip(names, f"of an error: {error}")
        return
    gap = np.full((1, *codes.data.image_shape), np.nan, np.float32)
    if ends is None:
        contents.skip("images at both ends of each latent", "only the categories count")
    else:
        count = ends.low.shape[1]
        contents.ends = [{"axis": ["lowest", *[""] * (2 * count - 1), "highest"]}]
        carried = [None] * len(ends.latents) if ends.information is None else ends.information.tolist()
        for latent, nats, low, high in zip(ends.latents, carried, ends.low, ends.high, strict=True):
            tiles = np.concatenate([codes.data.scaled(low), gap, codes.data.scaled(high)])
            alt = f"low latent {latent}: {_named(codes.data, low)}; high: {_named(codes.data, high)}"
            contents.ends.append(_row(f"z{latent}", tiles, alt, nats))
    contents.nearest = [{"axis": ["image", "", "nearest", *[""] * (close.places.shape[1] - 1)]}]
    for number, image, places in zip(chosen, close.images, close.places, strict=True):
        tiles = np.concatenate([image[np.newaxis].astype(np.float32) / 255, gap, codes.data.scaled(places)])
        name = codes.data.name_of(number)
        contents.nearest.append(_row(name, tiles, f"{name}; the nearest codes: {_named(codes.data, places)}"))


def _named(data: ImageData, places: Iterable[int]) -> str:
    return ", ".join(data.name_of(place) for place in places)


def _only_categories(codes: Codes) -> bool:
    return set(np.flatnonzero(codes.active_latents())) <= set(codes.discrete)


def add_samples(contents: Contents, subject: Subject) -> None:
    """Adds images that are decoded from draws of the prior."""
    can = subject.capabilities
    if can.decode is None:
        contents.skip("samples", NO_DECODER)
        return
    if can.prior_draws is None:
        contents.skip("samples", "the prior is not known")
        return
    if reason := undrawable(subject.codes.data.image_shape):
        contents.skip("samples", reason)
        return
    samples = np.asarray(can.decode(*can.prior_draws(64, subject.seed)), np.float32)
    contents.figures.append(
        {
            "id": "samples",
            "title": "Samples",
            "image": data_uri(_tiled(samples.reshape(4, 16, *samples.shape[1:]))),
            "caption": "Images decoded from draws of the prior (Figures 19 to 22 of the paper).",
        }
    )


def random_places(subject: Subject) -> np.ndarray:
    """Up to 256 different images by their places, int [N]. The first is the one whose latents are moved."""
    size = len(subject.codes.data)
    return np.random.default_rng([subject.seed, 2]).choice(size, min(256, size), replace=False)


def data_uri(pixels: np.ndarray) -> str:
    """An image, uint8 [H, W, 1 or 3 or 4], as a PNG within a URI."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _rows(found: Traversals, names: list[str]) -> list[dict[str, Any]]:
    count = found.values.shape[1]
    rows = [
        _row("image", found.images[:count], f"originals: {', '.join(names[:count])}"),
        _row("reconstruction", found.reconstructions[:count], "their reconstructions"),
        {"axis": [label.replace("-", "\u2212") for label in column_labels(found.values)]},
    ]
    carried = [None] * len(found.latents) if found.information is None else found.information.tolist()
    for latent, nats, values, frames in zip(found.latents, carried, found.values, found.frames, strict=True):
        ends = range_label(values).replace("-", "\u2212")
        written = None if shared(found.values) else ends
        rows.append(_row(f"z{latent}", frames, f"latent {latent} from {ends}", nats, values=written))
    if found.categories is not None:
        for start in range(0, len(found.categories), count):
            tiles = found.categories[start : start + count]
            last, empty = start + len(tiles) - 1, count - len(tiles)
            rows.append({"axis": [str(category) for category in range(start, last + 1)] + [""] * empty})
            rows.append(_row("category", tiles, f"categories {start} to {last}", empty=empty))
    return rows


def _row(
    label: str,
    tiles: np.ndarray,
    alt: str,
    information: float | None = None,
    *,
    values: str | None = None,
    empty: int = 0,
) -> dict[str, Any]:
    image = data_uri(_tiled(tiles[np.newaxis], empty))
    return {"label": label, "information": information, "values": values, "image": image, "alt": alt, "axis": None}


def _tiled(images: np.ndarray, empty: int = 0) -> np.ndarray:
    """Images [rows, columns, H, W, C] in [0, 1] side by side with faint lines between them, uint8, 4 channels.

    `empty` further columns are transparent, and so is an image whose pixels are NaN, with the line after it.
    """
    rows, columns, height, width, _ = images.shape
    levels = np.round(255 * np.clip(np.nan_to_num(images), 0, 1)).astype(np.uint8)
    sheet = np.zeros((rows, height + _GAP, columns + empty, width + _GAP, 4), np.uint8)
    shown = np.isfinite(images[:, :, 0, 0, 0])[:, np.newaxis, :, np.newaxis, np.newaxis]
    sheet[:, :, :columns] = np.where(shown, _LINE, 0)
    drawn = sheet[:, :height, :columns, :width]
    drawn[..., :3] = levels.transpose(0, 2, 1, 3, 4)
    drawn[..., 3:] = np.where(shown, 255, 0)
    return sheet.reshape(rows * (height + _GAP), (columns + empty) * (width + _GAP), 4)[:-_GAP, :-_GAP]
