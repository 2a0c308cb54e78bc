"""Codes on disk: found by what they are a function of, written whole, checked when they are read."""

import hashlib
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.files.atomic import written_whole


def codes_key(digest: str, data: Any) -> str:
    """Identifies the codes of data by a model: 32 hexadecimal digits of a SHA-256 of both digests.

    Args:
        digest: the model's, see `Capabilities.digest`.
        data: what has a `digest`, such as `tfvae.data.ImageData`.
    """
    return hashlib.sha256(f"{digest} {data.digest}".encode()).hexdigest()[:32]


def model_digest(model: Any) -> str:
    """The SHA-256 of what a model computes with.

    Args:
        model: a Keras model (its layers' kinds and weights; of a `tfvae` model those of the encoder, which alone makes
            codes), or the folder of a SavedModel (the graph and its variables), or what has one as `path`.

    Raises:
        TypeError: a function, of which nothing tells what it computes.
    """
    import keras

    model = getattr(model, "encoder", model)
    if isinstance(model, keras.Model):
        weights = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
        parts = [f"{weight.dtype} {weight.shape}".encode() + weight.tobytes() for weight in weights]
        # Names are numbered on with each model that a process makes, and are no part of what it computes.
        return _sha256([" ".join(type(layer).__name__ for layer in model.layers).encode(), *parts])
    path = getattr(model, "path", model)
    if isinstance(path, str | os.PathLike) and (Path(path) / "saved_model.pb").exists():
        files = [Path(path) / "saved_model.pb", *sorted((Path(path) / "variables").glob("*"))]
        return _sha256(file.read_bytes() for file in files)
    raise TypeError(f"Expected a Keras model or the folder of a SavedModel. Received: {type(model).__name__}")


def read_codes(path: Path, size: int) -> dict[str, np.ndarray] | None:
    """The codes that `write_codes` wrote, or None where there are none; damage is warned of.

    Args:
        path: the file.
        size: the number of images (N).
    """
    if not path.exists():
        return None
    try:
        # A member that is not what was written fails its checksum.
        with path.open("rb") as file, np.load(file) as codes:
            outputs = {name: codes[name] for name in codes.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        warnings.warn(f"{path} is damaged ({error}): the images are encoded again.", stacklevel=3)
        return None
    shapes = {name: array.shape for name, array in outputs.items()}
    columns = {name: shape[1] for name, shape in shapes.items() if len(shape) == 2 and shape[0] == size}
    if len(columns) < len(shapes) or columns.get("log_variance", columns.get("mean")) != columns.get("mean", 0):
        warnings.warn(f"{path} is damaged (codes of shapes {shapes}): the images are encoded again.", stacklevel=3)
        return None
    return outputs


def write_codes(path: Path, outputs: dict[str, np.ndarray]) -> None:
    """Writes what an encoder gave for all images, float32 [N, D] by name, whole or not at all."""
    with written_whole(path) as beside:
        np.savez(beside, **outputs)  # type: ignore[arg-type]


def _sha256(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
