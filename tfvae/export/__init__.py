"""Trained networks as files that do not need this library.

`export_encoder` and `export_decoder` write SavedModels for TensorFlow Serving; `load_saved_model` and `load_decoder`
read them as functions. `export_tflite` and `export_onnx` convert them to files for smaller runtimes.
"""

from tfvae.export.formats import export_onnx, export_tflite
from tfvae.export.loaded import SavedDecoder, SavedEncoder, load_decoder, load_saved_model
from tfvae.export.provenance import Provenance, record_scores
from tfvae.export.runners import onnx_runner, tflite_runner
from tfvae.export.saved_model import export_decoder, export_encoder
from tfvae.export.versions import versions

__all__ = [
    "Provenance",
    "SavedDecoder",
    "SavedEncoder",
    "export_decoder",
    "export_encoder",
    "export_onnx",
    "export_tflite",
    "load_decoder",
    "load_saved_model",
    "onnx_runner",
    "record_scores",
    "tflite_runner",
    "versions",
]
