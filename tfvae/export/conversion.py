"""A trained encoder or decoder as one file for a runtime that is smaller than TensorFlow."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.data.shapes import noun
from tfvae.export import export_decoder, export_encoder, export_onnx, export_tflite, load_decoder
from tfvae.export.runners import check_onnx_extra

if TYPE_CHECKING:
    from tfvae.models.base import Model

_EXPORTS = {"tflite": export_tflite, "onnx": export_onnx}
FORMATS = tuple(_EXPORTS)
_ROWS = 16  # of the comparison


def convert(
    source: "Model | str | os.PathLike",
    path: str | os.PathLike,
    *,
    format: str,
    what: str = "encoder",
    data: Any = None,
) -> dict[str, float]:
    """Writes an encoder or a decoder as a TFLite or ONNX file, see `export_tflite` and `export_onnx`.

    The file is compared with the SavedModel on 16 rows: an encoder on images spread evenly over the data, a decoder on
    draws from N(0, I) with each category in turn.

    Args:
        source: a model of tfvae, or the folder of a SavedModel with the encoder or decoder.
        path: the new file.
        format: one of `FORMATS`.
        what: "encoder" or "decoder".
        data: images (`tfvae.data`) to compare an encoder on; not needed for a decoder.

    Returns:
        For each output the largest difference from the SavedModel's.

    Raises:
        ValueError: for another format or network, an encoder without data, and as the functions that write the format.
        TypeError: when the model has no such network.
        FileExistsError, ImportError: as the functions that write the format.
    """
    check_target(path, format)
    if what not in ("encoder", "decoder"):
        raise ValueError(f"Expected an encoder or a decoder. Received: what={what!r}")
    if what == "encoder" and data is None:
        raise ValueError("Expected data to compare the encoder on. Received: none")
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(source, str | os.PathLike):
            saved_model = Path(source)
        else:
            export = export_encoder if what == "encoder" else export_decoder
            saved_model = export(source, Path(folder) / "1")
        inputs = _images(data) if what == "encoder" else _codes(saved_model)
        return _EXPORTS[format](saved_model, path, inputs)


def check_target(path: str | os.PathLike, format: str) -> None:
    """Checks that a file can be written in a format: before a model and data are loaded for it.

    Raises:
        ValueError: for another format.
        FileExistsError: if there is a file of that name.
        ImportError: for ONNX without the extra `onnx`.
    """
    if format not in _EXPORTS:
        raise ValueError(f"Expected a format out of {FORMATS}. Received: format={format!r}")
    if Path(path).exists():
        raise FileExistsError(f"{path} exists and is not overwritten")
    if format == "onnx":
        check_onnx_extra()


def _images(data: Any) -> dict[str, np.ndarray]:
    return {noun(data.image_shape): data.scaled(np.linspace(0, len(data) - 1, _ROWS).astype(int))}


def _codes(saved_model: Path) -> dict[str, np.ndarray]:
    decoder = load_decoder(saved_model)
    codes = {"z": np.random.default_rng(0).normal(size=(_ROWS, decoder.latent_dim)).astype(np.float32)}
    if decoder.categories:
        codes["category"] = np.eye(decoder.categories, dtype=np.float32)[np.arange(_ROWS) % decoder.categories]
    return codes
