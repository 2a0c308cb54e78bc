"""Any image set of TensorFlow Datasets, in the order of its labels: https://www.tensorflow.org/datasets.

An image of up to 64 x 64 pixels keeps its size and gets an even black border up to the next multiple of 16, which the
paper's networks need: 28 x 28 digits become 32 x 32. For larger images, the square in the middle is resized to 64 x 64.
"""

import contextlib
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets
from PIL import Image
from tqdm import tqdm

from tfvae.data.arrangement import arranged
from tfvae.data.cache import cache_folder, cached
from tfvae.data.factors import Factors, FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.data.packed import pack
from tfvae.data.pictures import fitted, in_parallel
from tfvae.data.rows import RowWriter, rewrite
from tfvae.data.sets import dsprites, shapes3d, smallnorb


@dataclass(frozen=True)
class Layout:
    """The meaning of a builder's labels, if they span a grid.

    Args:
        factors: names and values of the factors, in the order that the images will have.
        labels: for each factor, the builder's label, or None for a factor of one value that the builder omits.
        binary: whether the pixels of images are 0 and 1.
    """

    factors: FactorSpace
    labels: tuple[str | None, ...]
    binary: bool = False


LAYOUTS = {
    "dsprites": Layout(
        factors=dsprites.FACTORS,
        labels=(None, "label_shape", "label_scale", "label_orientation", "label_x_position", "label_y_position"),
        binary=True,
    ),
    "shapes3d": Layout(
        factors=shapes3d.FACTORS,
        labels=tuple(f"label_{name}" for name in shapes3d.FACTORS.names),
    ),
    # Train and test have half of the instances each.
    "smallnorb": Layout(
        factors=smallnorb.FACTORS,
        labels=("label_category", "instance", "label_elevation", "label_azimuth", "label_lighting"),
    ),
}
# The side of the square that is cropped before resizing: the face, in the aligned pictures of 178 x 218.
CROPS = {"celeb_a": 128}
_SUBSTITUTES = {
    "dsprites": "'dsprites' needs no download.",
    "shapes3d": "'shapes3d' needs no download.",
    "mnist": "tools.prepare_data prepares it from your IDX or .npz files.",
    "fashion_mnist": "tools.prepare_data prepares it from your IDX or .npz files.",
}


def load(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    *,
    split: str | None = None,
    size: int | None = None,
    crop: int | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> ImageData:
    """Reads the images of a builder that has a feature "image", and caches them.

    Args:
        name: a builder, such as "mnist", "emnist/letters" or one that was prepared in data_dir.
        data_dir: the folder of TensorFlow Datasets; by default $TFDS_DATA_DIR, else ~/tensorflow_datasets.
        download: whether to download and prepare data that is missing.
        split: a split in the notation of TensorFlow Datasets, "train" or "train[:10%]+test"; by default all, joined.
        size: H = W to which the square in the middle of an image is resized, at least 1.
        crop: side of that square in pixels; by default the shorter side of the image, and 128 for celeb_a.
        cache: the folder of the cache; by default $TFVAE_CACHE, else the user's cache folder. Images of dSprites are
            stored as bits.

    Returns:
        `ImageData`; or, if there are labels (classes and booleans), `GroundTruthData`: with a `FactorSpace` if each
        combination of the labels has one image, else with a `FactorTable`.

    Raises:
        ValueError: if the builder is unknown or has no such images; or if labels should span a grid and do not.
        FileNotFoundError: if the data was not prepared, and `download` is false.
        OSError: if the data cannot be downloaded or prepared, the cache cannot be written to, or the disk is full.
        ModuleNotFoundError: if TensorFlow Datasets needs a package for this builder that is not installed.
    """
    if size is not None and size < 1:
        raise ValueError(f"Expected size >= 1. Received: size={size}")
    if crop is not None and crop < 1:
        raise ValueError(f"Expected crop >= 1, in pixels. Received: crop={crop}")
    builder = _prepared_builder(name, data_dir or os.environ.get("TFDS_DATA_DIR"), download)
    _check_image(name, builder.info.features)
    strict = split is None and builder.name in LAYOUTS
    split = split or "+".join(builder.info.splits)
    crop = CROPS.get(builder.name) if crop is None else crop
    layout = LAYOUTS.get(builder.name)
    labels = _labels(layout, builder.info.features)

    key = hashlib.sha256(repr((2, split, size, crop)).encode() + _fingerprint(builder)).hexdigest()[:16]
    reader = _Reader(builder, split, layout, tuple(labels.values()), strict)
    fill = partial(_fill, reader, size=size, crop=crop, progress=cache is None)
    images = cached(cache_folder(cache) / f"tfds-{name.replace('/', '-').replace(':', '-')}-{key}", fill)
    if images.table is None:
        return ImageData(f"tfds:{name}", images.images, digest=images.digest)
    factors, _ = arranged(tuple(labels), images.table, [False] * len(labels))
    if layout is not None and factors.is_grid:
        known = zip(layout.factors.values, factors.values, strict=True)
        values = (value[places.astype(int)] for value, places in known)
        factors = FactorSpace(factors.names, tuple(values))
    return GroundTruthData(f"tfds:{name}", factors, images.images, digest=images.digest)


@dataclass(frozen=True)
class _Reader:
    """Reads the labels and the images of a split, in the same order."""

    builder: tensorflow_datasets.core.DatasetBuilder
    split: str
    layout: Layout | None
    labels: tuple[str | None, ...]
    strict: bool

    def table(self) -> np.ndarray | None:
        """The labels, int64 [N, K], or None if there are none."""
        if not any(self.labels):
            return None
        blocks = []
        for batch in self._batches(*self.labels):
            columns = {label: _at(batch, label).astype(np.int64) for label in self.labels if label is not None}
            size = len(next(iter(columns.values())))
            zeros = np.zeros(size, np.int64)
            blocks.append(np.stack([columns.get(label or "", zeros) for label in self.labels], axis=-1))
        return np.concatenate(blocks) if blocks else None

    def images(self) -> Iterator[list[np.ndarray]]:
        """Blocks of images, each uint8 [H, W, C]."""
        varying = None in self.builder.info.features["image"].shape
        for batch in self._batches("image", batch_size=1 if varying else 256):
            yield list(batch["image"])

    def _batches(self, *features: str | None, batch_size: int = 1024) -> Iterator[dict[str, Any]]:
        wanted: dict[str, Any] = {}
        for feature in features:
            place = wanted
            *folders, last = (feature or "").split("/")
            for folder in folders:
                place = place.setdefault(folder, {})
            if last:
                place[last] = True
        examples = self.builder.as_dataset(
            split=self.split,
            batch_size=batch_size,
            shuffle_files=False,
            read_config=tensorflow_datasets.ReadConfig(try_autocache=False, interleave_cycle_length=1),
            decoders=tensorflow_datasets.decode.PartialDecoding(wanted),
        )
        return examples.as_numpy_iterator()


def _fill(reader: _Reader, folder: Path, *, size: int | None, crop: int | None, progress: bool) -> None:
    """Writes the images of a builder, and the table of their labels, into an entry of the cache."""
    table = reader.table()
    places = None
    count = sum(reader.builder.info.splits[part.strip()].num_examples for part in reader.split.split("+"))
    if table is not None:
        count = len(table)
        factors, order = arranged([str(k) for k in range(table.shape[1])], table)
        if reader.strict and reader.layout is not None and not factors.is_grid:
            raise _not_a_grid(reader.layout.factors.names, factors)
        places = np.argsort(order)
        np.save(folder / "table.npy", table[order])

    binary = reader.layout is not None and reader.layout.binary
    fit = _fitting(reader.builder.info.features["image"].shape, size, crop)
    writer: RowWriter | None = None
    start, most = 0, 0
    shape: tuple[int, ...] = ()
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(tqdm(total=count, unit="image", disable=None if progress else True, leave=False))
        for block in reader.images():
            most = max(most, max(int(image.max()) for image in block))
            if binary and most > 1:
                raise ValueError(f"Expected images of 0 and 1. Received: maximum={most}")
            rows = fit(block)
            if binary:
                shape, rows = rows.shape[1:], pack(rows)
            if writer is None:
                writer = stack.enter_context(RowWriter(folder / "images.npy", rows.shape[1:], count))
            writer.write(rows, np.arange(start, start + len(rows)) if places is None else places[start:][: len(rows)])
            start += len(rows)
            bar.update(len(rows))
    if writer is None:
        raise ValueError(f"Expected images in the split {reader.split!r}. Received: none")
    if binary:
        np.save(folder / "image_shape.npy", np.array(shape))
    elif most == 1:
        # The builder has 0 and 1, which would be black and nearly black.
        rewrite(folder / "images.npy", writer.row_shape, lambda images: images * np.uint8(255))


def _fitting(shape: tuple[int | None, ...], size: int | None, crop: int | None) -> Callable[[list], np.ndarray]:
    """Returns the function from images, each uint8 [H, W, C], to an array of the requested size."""
    height, width, channels = shape
    if size is None and crop is None and height and width and max(height, width) <= 64:
        rows, columns = -height % 16, -width % 16
        border = ((0, 0), (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2), (0, 0))
        return lambda images: np.pad(images, border)

    def fit(image: np.ndarray) -> np.ndarray:
        picture = fitted(Image.fromarray(image[..., 0] if channels == 1 else image[..., :3]), size or 64, crop)
        return np.asarray(picture).reshape(picture.height, picture.width, -1)

    return lambda images: np.stack([image for part in in_parallel(fit, images) for image in part])


def _prepared_builder(
    name: str, data_dir: str | os.PathLike[str] | None, download: bool
) -> tensorflow_datasets.core.DatasetBuilder:
    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir)
    except tensorflow_datasets.core.registered.DatasetNotFoundError:
        where = f"in {os.fspath(data_dir)}" if data_dir else "in TFDS_DATA_DIR"
        raise ValueError(
            f"Expected a builder of TensorFlow Datasets, or one that was prepared {where}. Received: name={name!r}"
        ) from None
    except ModuleNotFoundError as error:
        # Builders such as huggingface:... need packages that TensorFlow Datasets does not install.
        raise ModuleNotFoundError(
            f"Expected the package {error.name}, which TensorFlow Datasets needs for {name} "
            f"(pip install {'datasets huggingface_hub' if name.startswith('huggingface:') else error.name}). "
            "Received: it is not installed",
            name=error.name,
        ) from None
    what = f"{name} {builder.version} of TensorFlow Datasets"
    if not builder.data_path.exists():
        size = sum(info.size for info in builder.url_infos.values()) / 1e6
        how_much = f"{size:.0f} MB" if size else "of unknown size"
        instead = _SUBSTITUTES.get(builder.name, "")
        if not download:
            where = "" if data_dir is None else f", data_dir={os.fspath(data_dir)!r}"
            raise FileNotFoundError(
                f"Expected {what} to be prepared in {builder.data_dir}. Received: no such folder. "
                f"Download it ({how_much}) by tfvae.data.load('tfds:{name}'{where}, download=True), or by the name "
                f"'tfds:{name}?download'. {instead}".strip()
            )
        try:
            # Without a network, TensorFlow Datasets would retry ten times, for minutes, before it reports that.
            for url in builder.url_infos:
                if url.startswith("http"):
                    with contextlib.suppress(urllib.error.HTTPError):
                        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=30).close()
            builder.download_and_prepare()
        except Exception as error:
            raise OSError(
                f"Expected to download {what} ({how_much}) to {builder.data_dir}. {instead} "
                f"Received: {type(error).__name__}: {error}"
            ) from error
    # The features that were written: a builder from code has those of the published data set.
    return tensorflow_datasets.builder_from_directory(builder.data_dir)


def _check_image(name: str, features: tensorflow_datasets.features.FeaturesDict) -> None:
    image = dict(features.items()).get("image")
    if not isinstance(image, tensorflow_datasets.features.Image) or image.np_dtype != np.uint8:
        kinds = {key: type(feature).__name__ for key, feature in features.items()}
        raise ValueError(f"Expected a builder with uint8 images as the feature 'image'. Received: {name!r} has {kinds}")


def _labels(layout: Layout | None, features: tensorflow_datasets.features.FeaturesDict) -> dict[str, str | None]:
    """Returns the feature of each factor, as a path like "attributes/Male"."""
    if layout is not None:
        for factor, label, most in zip(layout.factors.names, layout.labels, layout.factors.sizes, strict=True):
            if label is not None and features[label].num_classes > most:
                raise ValueError(
                    f"Expected at most {most} values of {factor}. Received: num_classes={features[label].num_classes}"
                )
        return dict(zip(layout.factors.names, layout.labels, strict=True))
    found: dict[str, str | None] = {}
    for path, feature in _leaves(features, ""):
        boolean = feature.shape == () and feature.np_dtype == np.bool_
        if boolean or isinstance(feature, tensorflow_datasets.features.ClassLabel):
            name = path.rpartition("/")[2].removeprefix("label_")
            found[name if name not in found else path] = path
    return found


def _leaves(feature: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(feature, tensorflow_datasets.features.FeaturesDict):
        for key, part in feature.items():
            yield from _leaves(part, f"{path}/{key}" if path else key)
    else:
        yield path, feature


def _at(batch: dict[str, Any], path: str) -> np.ndarray:
    value: Any = batch
    for key in path.split("/"):
        value = value[key]
    return value


def _not_a_grid(names: tuple[str, ...], factors: Factors) -> ValueError:
    rows = factors.to_factors(np.arange(len(factors)))
    size = int(np.prod(factors.sizes))
    count = np.bincount(np.ravel_multi_index(tuple(rows.T), factors.sizes), minlength=size)
    first = np.unravel_index(np.flatnonzero(count != 1)[0], factors.sizes)
    return ValueError(
        f"Expected one image for each of {size} combinations of labels. Received: {np.sum(count == 0)} without an "
        f"image, {np.sum(count > 1)} with several; the first of them is "
        f"{dict(zip(names, (int(place) for place in first), strict=True))}"
    )


def _fingerprint(builder: tensorflow_datasets.core.DatasetBuilder) -> bytes:
    """Distinguishes data of the same name that is in different folders, or was prepared again."""
    folder = builder.data_path
    parts = [str(Path(builder.data_dir)).encode()]
    parts += [(folder / file).read_bytes() for file in ("dataset_info.json", "features.json")]
    return b"\n".join(parts)
