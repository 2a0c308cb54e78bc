"""Data sets of TensorFlow Datasets, put in the order of their factors: https://www.tensorflow.org/datasets."""

import contextlib
import hashlib
import os
import urllib.error
import urllib.request
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow_datasets

from tfvae.data import dsprites
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.packed import PackedImages, cache_folder, packed_digest, write_packed, write_whole


@dataclass(frozen=True)
class Layout:
    """Where a builder keeps its factors.

    Args:
        factors: names and values of the factors, in the order that the images shall have.
        labels: for each factor the builder's label, or None for a factor of one value that the builder leaves out.
        substitute: a data set that needs no download, told to those who cannot reach this one.
    """

    factors: FactorSpace
    labels: tuple[str | None, ...]
    substitute: str


LAYOUTS = {
    "dsprites": Layout(
        factors=dsprites.FACTORS,
        labels=(None, "label_shape", "label_scale", "label_orientation", "label_x_position", "label_y_position"),
        substitute="dsprites",
    ),
}


def load(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    *,
    cache: str | os.PathLike[str] | None = None,
) -> GroundTruthData:
    """Reads the binary images of a builder and keeps them in the order of their labels, as packed bits.

    Args:
        name: a key of `LAYOUTS`.
        data_dir: where TensorFlow Datasets keeps its data, by default ~/tensorflow_datasets.
        download: whether to download and prepare what is not there yet.
        cache: the folder for the packed bits; by default $TFVAE_CACHE, else the user's cache folder.

    Returns:
        Images of 0 and 255. The builder's ClassLabels give the sizes of the factors.

    Raises:
        ValueError: if the name is unknown, or there is not one binary image for each combination of labels.
        FileNotFoundError: if the data was not prepared and shall not be downloaded.
        RuntimeError: if the data cannot be downloaded or prepared.
        OSError: if the cache cannot be written to, or has no room.
    """
    if name not in LAYOUTS:
        raise ValueError(f"Expected a builder out of {sorted(LAYOUTS)}. Received: name={name!r}")
    layout = LAYOUTS[name]
    builder = _prepared_builder(name, layout, data_dir, download)
    factors = _factor_space(layout, builder.info.features)
    image_shape = builder.info.features["image"].shape
    shape = (len(factors), int(np.prod(image_shape)) // 8)

    path = cache_folder(cache) / f"tfds-{name}-{_fingerprint(builder)}.npy"
    digest_path = path.with_suffix(".sha256")
    digest = digest_path.read_text("ascii") if path.exists() and digest_path.exists() else None
    if digest is not None and packed_digest(path, shape) != digest:
        warnings.warn(f"{path} is damaged and is read again.", stacklevel=2)
        digest = None
    if digest is None:
        bits = _read_bits(builder, layout, factors)
        digest = write_packed(path, shape, (bits[start : start + 4096] for start in range(0, len(bits), 4096)))
        write_whole(digest_path, len(digest), [digest.encode("ascii")])
    return GroundTruthData(f"tfds:{name}", factors, PackedImages(path, image_shape), digest=digest)


def _prepared_builder(
    name: str, layout: Layout, data_dir: str | os.PathLike[str] | None, download: bool
) -> tensorflow_datasets.core.DatasetBuilder:
    builder = tensorflow_datasets.builder(name, data_dir=data_dir)
    what = f"{name} {builder.version} of TensorFlow Datasets"
    if not builder.data_path.exists():
        megabytes = sum(info.size for info in builder.url_infos.values()) / 1e6
        if not download:
            where = "" if data_dir is None else f", data_dir={os.fspath(data_dir)!r}"
            raise FileNotFoundError(
                f"Expected {what} to be prepared in {builder.data_dir}. Received: no such folder. "
                f"Download it ({megabytes:.0f} MB) by tfvae.data.load('tfds:{name}'{where}, download=True), "
                f"or use '{layout.substitute}', which needs no download."
            )
        try:
            # TensorFlow Datasets tries ten times, for minutes, before it tells that there is no network.
            for url in builder.url_infos:
                with contextlib.suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=30).close()
            builder.download_and_prepare()
        except Exception as error:
            raise RuntimeError(
                f"Expected to download {what} ({megabytes:.0f} MB) to {builder.data_dir}; "
                f"'{layout.substitute}' needs no download. Received: {type(error).__name__}: {error}"
            ) from error
    # The features as they were written: a builder from code has those of the published data set.
    return tensorflow_datasets.builder_from_directory(builder.data_dir)


def _factor_space(layout: Layout, features: tensorflow_datasets.features.FeaturesDict) -> FactorSpace:
    sizes = [1 if label is None else features[label].num_classes for label in layout.labels]
    for factor, size, most in zip(layout.factors.names, sizes, layout.factors.sizes, strict=True):
        if size > most:
            raise ValueError(f"Expected at most {most} values of {factor}. Received: num_classes={size}")
    values = (value[:size] for value, size in zip(layout.factors.values, sizes, strict=True))
    return FactorSpace(layout.factors.names, tuple(values))


def _fingerprint(builder: tensorflow_datasets.core.DatasetBuilder) -> str:
    """Tells apart data of one name that lies in different folders or was prepared anew."""
    folder = builder.data_path
    parts = [str(Path(builder.data_dir)).encode()]
    parts += [(folder / file).read_bytes() for file in ("dataset_info.json", "features.json")]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]


def _read_bits(builder: tensorflow_datasets.core.DatasetBuilder, layout: Layout, factors: FactorSpace) -> np.ndarray:
    """Reads all images, in whatever order they are stored, into the order of their factors."""
    labels = [label for label in layout.labels if label is not None]
    examples = builder.as_dataset(
        split="train",
        batch_size=1024,
        shuffle_files=False,
        read_config=tensorflow_datasets.ReadConfig(try_autocache=False),
        decoders=tensorflow_datasets.decode.PartialDecoding(dict.fromkeys(["image", *labels], True)),
    )
    bits = np.zeros((len(factors), int(np.prod(builder.info.features["image"].shape)) // 8), np.uint8)
    count = np.zeros(len(factors), np.int64)
    for batch in examples.as_numpy_iterator():
        images = batch["image"]
        if images.max() > 1:
            raise ValueError(f"Expected images of 0 and 1. Received: maximum={images.max()}")
        columns = [np.zeros(len(images), np.int64) if label is None else batch[label] for label in layout.labels]
        indices = factors.to_index(np.stack(columns, axis=-1))
        bits[indices] = np.packbits(images.reshape(len(images), -1), axis=-1)
        np.add.at(count, indices, 1)
    wrong = np.flatnonzero(count != 1)
    if wrong.size:
        first = dict(zip(factors.names, factors.to_factors(wrong[:1])[0].tolist(), strict=True))
        raise ValueError(
            f"Expected one image for each of {len(factors)} combinations of labels. Received: {np.sum(count == 0)} "
            f"without an image, {np.sum(count > 1)} with several; the first of them is {first}"
        )
    return bits
