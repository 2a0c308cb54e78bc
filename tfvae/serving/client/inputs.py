"""Images as the inputs of a signature."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfvae.serving.client.pictures import Pictures

Images = np.ndarray | Sequence[str | os.PathLike | bytes]
Input = Images | Pictures


def checked(images: Images) -> tuple[str, dict[str, Input]]:
    """The signature for such images, and its input."""
    if isinstance(images, str | bytes | os.PathLike):
        raise TypeError(f"Expected a list of paths. Received one: {images!r:.80}")
    if isinstance(images, Sequence) and images and isinstance(images[0], str | bytes | os.PathLike):
        return "encode_bytes", {"image_bytes": Pictures(images)}
    array = np.asarray(images)
    if array.ndim != 4:
        raise ValueError(f"Expected images [B, H, W, C], or paths. Received: images.shape={list(array.shape)}")
    if array.dtype == np.uint8:
        return "encode_uint8", {"images": array}
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"Expected images of floats in [0, 1] or of uint8. Received: images.dtype={array.dtype}")
    low, high = array.min(initial=0), array.max(initial=0)
    # Rounding may take a resized image out of the bounds. This form of the comparison is false for NaN too.
    if not (low >= -1e-5 and high <= 1 + 1e-5):
        raise ValueError(f"Expected images in [0, 1]. Received: values from {low:g} to {high:g}")
    return "serving_default", {"images": array.astype(np.float32, copy=False)}


def to_array(values: Images) -> np.ndarray:
    """An array to send; of files, their contents."""
    if isinstance(values, np.ndarray):
        return values
    array = np.empty(len(values), object)
    array[:] = [value if isinstance(value, bytes) else Path(value).read_bytes() for value in values]
    return array
