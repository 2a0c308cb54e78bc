from .folders import versions
from .formats import export_onnx, export_tflite
from .loaded import SavedDecoder, SavedEncoder, load_decoder, load_saved_model
from .provenance import Provenance, record_scores
from .runners import onnx_runner, tflite_runner
from .saved_model import export_decoder, export_encoder

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
