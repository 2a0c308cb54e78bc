"""A trained model, by whatever name it has, as one file for a runtime that is smaller than TensorFlow."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import zoo
from tfvae.codes.codes import scaled_images
from tfvae.export import export_decoder, export_encoder, export_onnx, export_tflite, load_decoder
from tfvae.export.runners import check_onnx_extra
from tfvae.loading import Trained, load_trained

_EXPORTS = {"tflite": export_tflite, "onnx": export_onnx}
FORMATS = tuple(_EXPORTS)
# What a file is compared on.
_ROWS = 16


def convert(
    source: str | os.PathLike, path: str | os.PathLike, *, format: str, what: str = "encoder", data: Any = None
) -> dict[str, float]:
    """Writes an encoder or a decoder as a TFLite or ONNX file, see `export_tflite` and `export_onnx`.

    The file is compared with the SavedModel on 16 rows: an encoder's on images spread evenly over the data, a decoder's
    on draws from N(0, I), with each category in turn.

    Args:
        source: as `load_trained` takes it: a run's folder, a .keras file, a SavedModel's folder, or a name of the zoo.
        path: the new file.
        format: one of `FORMATS`.
        what: "encoder" or "decoder".
        data: images by index, as `tfvae.data.load` gives them, for an encoder; by default the data that the model was
            trained on, where there is an experiment beside it.

    Returns:
        For each output the largest difference from the SavedModel's.

    Raises:
        ValueError: for another format or network, without data, and as the functions that write the format.
        FileNotFoundError: as `load_trained`.
        FileExistsError, ImportError: as the functions that write the format.
    """
    if format not in _EXPORTS or what not in ("encoder", "decoder"):
        raise ValueError(
            f"Expected a format out of {FORMATS} of an encoder or decoder. Received: format={format!r}, what={what!r}"
        )
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"{path} exists and is not overwritten")
    if format == "onnx":
        check_onnx_extra()
    # A SavedModel's folder with a decoder is no trained model, which is an encoder at least.
    is_decoder = what == "decoder" and (Path(source) / "saved_model.pb").exists()
    trained = None if is_decoder else load_trained(source)
    with tempfile.TemporaryDirectory() as folder:
        saved_model = _saved_model(source, trained, what, Path(folder) / "1")
        inputs = _codes(saved_model) if trained is None or what == "decoder" else _images(trained, data)
        return _EXPORTS[format](saved_model, path, inputs)


def _saved_model(source: str | os.PathLike, trained: Trained | None, what: str, new: Path) -> Path:
    """The SavedModel of the network: the one that there is, or a new one."""
    if trained is None:
        return Path(source)
    if trained.model is not None:
        return (export_encoder if what == "encoder" else export_decoder)(trained.model, new)
    if what == "encoder":
        return trained.represent.path  # type: ignore[attr-defined]
    if str(source) in zoo.names():
        return zoo.load_decoder(str(source)).path
    raise ValueError(f"Expected the folder of a decoder's SavedModel. Received: an encoder's, {source}")


def _images(trained: Trained, data: Any) -> dict[str, np.ndarray]:
    if data is None:
        data = trained.load_data()
    return {"images": scaled_images(data, np.linspace(0, len(data) - 1, _ROWS).astype(int))}


def _codes(saved_model: Path) -> dict[str, np.ndarray]:
    decoder = load_decoder(saved_model)
    codes = {"z": np.random.default_rng(0).normal(size=(_ROWS, decoder.latent_dim)).astype(np.float32)}
    if decoder.categories:
        codes["category"] = np.eye(decoder.categories, dtype=np.float32)[np.arange(_ROWS) % decoder.categories]
    return codes
