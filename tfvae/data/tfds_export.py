"""Writes data sets in the format of TensorFlow Datasets, under its names, so that `tfds.load` needs no download."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets
from tqdm import tqdm

import tfvae.data
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.sets import digits
from tfvae.data.sets.tfds import LAYOUTS

Examples = Iterator[tuple[int, dict[str, Any]]]


@dataclass(frozen=True)
class Published:
    """The builder of a drawn data set; `tfds.LAYOUTS` has its labels and values.

    Args:
        version: the version of the builder.
        divisor: of the levels 0 .. 255 of images: 255 if the builder has images of 0 and 1.
    """

    version: str
    divisor: int = 1


DRAWN = {"dsprites": Published("2.0.0", divisor=255), "shapes3d": Published("2.0.0")}
DIGITS = {"mnist": "3.0.1", "fashion_mnist": "3.0.1"}


def export(
    name: str,
    output: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    data: GroundTruthData | None = None,
    progress: bool = True,
) -> Path:
    """Prepares a data set as TensorFlow Datasets does. If this fails, nothing is left.

    Args:
        name: a key of `DRAWN`, which are drawn by tfvae, or of `DIGITS`, which are read from files.
        output: the data_dir of TensorFlow Datasets.
        source: for a key of `DIGITS`, the folder or file that `digits.read` takes.
        data: for a key of `DRAWN`, the images to write; by default all. Their factors may have fewer values.
        progress: whether to show a progress bar.

    Returns:
        The new folder, such as output/dsprites/2.0.0.

    Raises:
        ValueError: if the name is unknown, a source is missing, unexpected or broken, or the data has other factors.
        FileExistsError: if the folder already exists.
        FileNotFoundError: if the source does not exist.
        OSError: if the output cannot be written to, or the disk is full.
    """
    if name not in {*DRAWN, *DIGITS}:
        raise ValueError(f"Expected a data set out of {sorted({*DRAWN, *DIGITS})}. Received: name={name!r}")
    if (source is not None) != (name in DIGITS):
        expected = "the folder of its files" if name in DIGITS else "no source, as it is drawn"
        raise ValueError(f"Expected {expected} for {name}. Received: source={source!r}")
    version = DIGITS[name] if name in DIGITS else DRAWN[name].version
    folder = Path(output) / name / version
    if folder.exists():
        raise FileExistsError(f"{folder} exists and is not overwritten. Remove it, or choose another output")

    features = tensorflow_datasets.features
    if source is not None:
        splits = digits.read(source)
        total = sum(len(labels) for _, labels in splits.values())
        image_shape: tuple[int, ...] = splits["train"][0].shape[1:]
        labels = {"label": features.ClassLabel(num_classes=10)}
    else:
        data = tfvae.data.load(name) if data is None else data
        total, image_shape = len(data), data.image_shape
        if data.factors.names != LAYOUTS[name].factors.names:
            raise ValueError(f"Expected factors {LAYOUTS[name].factors.names}. Received: {data.factors.names}")
        labels = {label: features.ClassLabel(num_classes=size) for label, _, size in _columns(name, data)}
        labels |= {
            label.replace("label_", "value_"): features.Tensor(shape=[], dtype=np.float32)
            for label, _, _ in _columns(name, data)
        }
    with tqdm(total=total, unit="image", disable=None if progress else True, leave=False) as bar:
        if source is not None:
            examples = {split: _digits(*splits[split], bar) for split in splits}
        else:
            assert data is not None
            examples = {"train": _drawn(name, data, bar)}
        # This writes to a temporary folder and renames it at the end.
        tensorflow_datasets.dataset_builders.store_as_tfds_dataset(
            name=name,
            version=version,
            features=features.FeaturesDict({"image": features.Image(shape=image_shape), **labels}),
            split_datasets=examples,
            data_dir=output,
            disable_shuffling=True,
        )
    return folder


def _columns(name: str, data: GroundTruthData) -> list[tuple[str, int, int]]:
    """The builder's label, the column and the size of each factor that the builder has."""
    labels = zip(LAYOUTS[name].labels, data.factors.sizes, strict=True)
    return [(label, column, size) for column, (label, size) in enumerate(labels) if label is not None]


def _drawn(name: str, data: GroundTruthData, bar: tqdm) -> Examples:
    columns = _columns(name, data)
    for start in range(0, len(data), 1024):
        indices = np.arange(start, min(start + 1024, len(data)))
        images = data.images(indices) // np.uint8(DRAWN[name].divisor)
        factors, values = data.factors.to_factors(indices), data.factors.values_of(indices)
        for row, index in enumerate(indices.tolist()):
            example: dict[str, Any] = {"image": images[row]}
            for label, column, _ in columns:
                example[label] = int(factors[row, column])
                example[label.replace("label_", "value_")] = np.float32(values[row, column])
            yield index, example
            bar.update()


def _digits(images: np.ndarray, labels: np.ndarray, bar: tqdm) -> Examples:
    for key, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        yield key, {"image": image, "label": label}
        bar.update()
