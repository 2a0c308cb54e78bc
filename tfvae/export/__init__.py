"""Trained networks as files that do not need this library.

`export_encoder` and `export_decoder` write SavedModels for TensorFlow Serving; `load_saved_model` and `load_decoder`
read them as functions. `export_tflite` and `export_onnx` convert them to files for smaller runtimes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
