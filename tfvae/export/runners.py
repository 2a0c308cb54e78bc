"""Runs TFLite and ONNX files as functions of arrays by name."""

import os
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tensorflow as tf

Run = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def tflite_runner(file: bytes | str | os.PathLike, *, threads: int | None = None) -> Run:
    """The signature of a TFLite file, run by TensorFlow's own interpreter.

    Args:
        file: its path or its content.
        threads: how many threads it may use; by default the interpreter decides.

    Returns:
        Inputs by name, with any number of rows from 1 -> outputs by name.

    Examples:
        >>> from tfvae.export import export_tflite, tflite_runner
        >>> model = tfvae.create("vae", (4,), architecture="dense", latent_dim=2)
        >>> path = tfvae.export_encoder(model, "saved_models/vectors/1")
        >>> differences = export_tflite(path, "vectors.tflite", {"vectors": np.zeros([1, 4], np.float32)})
        >>> run = tflite_runner("vectors.tflite", threads=1)
        >>> run({"vectors": np.zeros([3, 4], np.float32)})["mean"].shape
        (3, 2)
    """
    content = file if isinstance(file, bytes) else Path(file).read_bytes()
    with warnings.catch_warnings():
        # It announces its move to the package ai_edge_litert, which reads the same files.
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated", UserWarning)
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=threads)
    run = interpreter.get_signature_runner()
    return lambda inputs: run(**inputs)


def onnx_runner(file: bytes | str | os.PathLike, *, threads: int | None = None) -> Run:
    """An ONNX file, run by ONNX Runtime on the processor.

    Args:
        file, threads: as in `tflite_runner`.

    Returns:
        Inputs by name, with any number of rows -> outputs by name.

    Raises:
        ImportError: without the extra `onnx`.

    Examples:
        >>> from tfvae.export import export_onnx, onnx_runner
        >>> model = tfvae.create("vae", (4,), architecture="dense", latent_dim=2)
        >>> path = tfvae.export_encoder(model, "saved_models/vectors/1")
        >>> differences = export_onnx(path, "vectors.onnx", {"vectors": np.zeros([1, 4], np.float32)})
        >>> run = onnx_runner("vectors.onnx", threads=1)
        >>> run({"vectors": np.zeros([3, 4], np.float32)})["mean"].shape
        (3, 2)
    """
    check_onnx_extra()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    content = file if isinstance(file, bytes) else os.fspath(file)
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def check_onnx_extra() -> None:
    """Checks that the packages for ONNX are installed.

    Raises:
        ImportError: if they are not.
    """
    for name in ("tf2onnx", "onnx", "onnxruntime"):
        if find_spec(name) is None:
            raise ImportError(f'Expected the extra "onnx". Received: no module {name}. pip install "tfvae[onnx]"')
