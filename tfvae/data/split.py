"""Training and validation images of any data set, told apart by a hash that no other image changes."""

import hashlib
from typing import Any

import numpy as np

from tfvae.data.images import ImageData
from tfvae.data.selection import selected

# Of any data set's name: "folder:photos?split=validation&validation=0.2".
OPTIONS = ("split", "validation")
PARTS = ("train", "validation")


def split(data: ImageData, part: str, validation: float = 0.1) -> ImageData:
    """Returns one part of the images. The two parts have no image in common, and together they are all images.

    An image is one of validation if the hash of its file's name, or else of its place in the whole data set, is below
    the fraction. So a part is the same in each process, about N `validation` images are in that of validation, and a
    picture that is added to a folder does not move the others. All copies of an image are in the same part.

    Args:
        data: images.
        part: "train" or "validation".
        validation: the fraction of the images for validation, 0 < validation < 1.

    Raises:
        ValueError: if an argument has another value, or a part of so few images would be empty.
    """
    if part not in PARTS:
        raise ValueError(f"Expected split to be one of {list(PARTS)}. Received: split={part!r}")
    if isinstance(validation, bool) or not isinstance(validation, int | float) or not 0 < validation < 1:
        raise ValueError(f"Expected the fraction 0 < validation < 1. Received: validation={validation!r}")
    chosen = _uniform(data) < validation
    if chosen.all() or not chosen.any():
        raise ValueError(
            f"Expected enough images for training and validation. Received: {len(data)} images, of which "
            f"validation={validation:g} takes {'all' if chosen.all() else 'none'}"
        )
    places = np.flatnonzero(chosen == (part == "validation"))
    return selected(data, places, f"split={part}&validation={validation:g}")


def split_by_options(data: ImageData, options: dict[str, Any]) -> ImageData:
    """The part of the data that options of its name ask for; all of it without them.

    Raises:
        ValueError: as `split`, and for a fraction without a part.
    """
    if not options:
        return data
    if "split" not in options:
        raise ValueError(
            f"Expected split=train or split=validation with validation=. Received: validation={options['validation']}"
        )
    return split(data, options["split"], *([options["validation"]] if "validation" in options else []))


def _uniform(data: ImageData) -> np.ndarray:
    """A number in [0, 1) for each image, a hash of its file's name or of its place: float64 [N]."""
    if data.files is not None:
        digests = b"".join(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8] for name in data.files)
        bits = np.frombuffer(digests, "<u8")
    else:
        origins = np.arange(len(data)) if data.origins is None else data.origins
        bits = _mixed(origins.astype(np.uint64))
    return (bits >> np.uint64(11)) / 2.0**53


def _mixed(x: np.ndarray) -> np.ndarray:
    """SplitMix64 (Steele, Lea & Flood, 2014): the x-th output of its sequence from 0, uint64 [N]."""
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
