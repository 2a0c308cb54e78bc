"""Converts exported encoders and decoders to one file, for runtimes that are smaller than TensorFlow."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.export.folders import checked_folder
from tfvae.export.frozen import frozen
from tfvae.export.runners import Run, check_onnx_extra, onnx_runner, tflite_runner
from tfvae.files.atomic import written_whole

# The largest difference of an output that rounding may cause.
ATOL = 1e-4


def export_tflite(
    saved_model: str | os.PathLike, path: str | os.PathLike, inputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Writes the `serving_default` of an exported encoder or decoder as a TFLite file (LiteRT), in float32.

    Inputs and outputs keep their names. The number of rows is free, from 1: the interpreter's signature runner resizes
    the input. Unlike the SavedModel, the file does not check that images are in [0, 1].

    Args:
        saved_model: the folder that `export_encoder` or `export_decoder` wrote.
        path: the new file, ".../<name>.tflite".
        inputs: rows to compare the file with the SavedModel on, by name: float32 "images" [B, H, W, C] in [0, 1] for an
            encoder, or "vectors" [B, F]; "z" [B, D] and, with a categorical latent, "category" [B, K] for a decoder.

    Returns:
        For each output the largest difference from the SavedModel's.

    Raises:
        ValueError: if the SavedModel is not one of this library or does not compute in float32, or if the file would
            differ from it by more than 1e-4. Nothing is written then.
        FileExistsError: if the file exists. It is not overwritten.

    Examples:
        >>> from tfvae.export import export_tflite, tflite_runner
        >>> images = np.random.default_rng(0).random([4, 16, 16, 1], np.float32)
        >>> path = tfvae.export_encoder(tfvae.create("vae", (16, 16, 1), latent_dim=2), "saved_models/small/1")
        >>> differences = export_tflite(path, "small.tflite", {"images": images})
        >>> max(differences.values()) < 1e-4
        True
        >>> tflite_runner("small.tflite")({"images": images})["mean"].shape
        (4, 2)
    """
    return _export(saved_model, path, inputs, ".tflite", _to_tflite, tflite_runner)


def export_onnx(
    saved_model: str | os.PathLike, path: str | os.PathLike, inputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Writes the `serving_default` of an exported encoder or decoder as an ONNX file, by tf2onnx, in float32.

    Inputs and outputs keep their names, and have a free first dimension "batch", which may be 0. Unlike the SavedModel,
    the file does not check that images are in [0, 1].

    Args:
        saved_model, inputs: as in `export_tflite`.
        path: the new file, ".../<name>.onnx".

    Returns:
        As `export_tflite`.

    Raises:
        ImportError: without the extra `onnx`.
        ValueError, FileExistsError: as `export_tflite`.

    Examples:
        >>> from tfvae.export import export_onnx, onnx_runner
        >>> images = np.random.default_rng(0).random([4, 16, 16, 1], np.float32)
        >>> path = tfvae.export_encoder(tfvae.create("vae", (16, 16, 1), latent_dim=2), "saved_models/small/1")
        >>> differences = export_onnx(path, "small.onnx", {"images": images})
        >>> max(differences.values()) < 1e-4
        True
        >>> onnx_runner("small.onnx")({"images": images})["mean"].shape
        (4, 2)
    """
    check_onnx_extra()
    return _export(saved_model, path, inputs, ".onnx", _to_onnx, onnx_runner)


def _export(
    saved_model: str | os.PathLike,
    path: str | os.PathLike,
    inputs: Mapping[str, np.ndarray],
    suffix: str,
    convert: Callable[[tf.types.experimental.PolymorphicFunction], bytes],
    runner: Callable[[bytes], Run],
) -> dict[str, float]:
    path = Path(path)
    if path.suffix != suffix:
        raise ValueError(f"Expected a path that ends in {suffix}. Received: path='{path}'")
    if path.exists():
        raise FileExistsError(f"{path} exists and is not overwritten")
    # A signature holds its variables weakly, so the SavedModel must stay referenced.
    loaded = tf.saved_model.load(str(checked_folder(saved_model)))
    signature = loaded.signatures.get("serving_default")
    if signature is None:
        raise ValueError(f"Expected a signature serving_default. Received: {list(loaded.signatures)} in {saved_model}")
    expected_inputs = set(signature.structured_input_signature[1])
    if set(inputs) != expected_inputs:
        raise ValueError(f"Expected inputs by name: {sorted(expected_inputs)}. Received: {sorted(inputs)}")
    content = convert(frozen(signature))
    difference = _difference(signature, runner(content), inputs)
    if not all(value <= ATOL for value in difference.values()):  # NaN fails too
        raise ValueError(f"Expected the outputs of {saved_model} within {ATOL}. Received: differences of {difference}")
    with written_whole(path) as beside:
        beside.write_bytes(content)
    return difference


def _difference(
    signature: tf.types.experimental.ConcreteFunction, run: Run, inputs: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """The largest absolute difference of each output, on all rows and on the first row."""
    differences = []
    for rows in (slice(None), slice(1)):
        batch = {name: value[rows] for name, value in inputs.items()}
        expected, found = signature(**{name: tf.constant(value) for name, value in batch.items()}), run(batch)
        if set(found) != set(expected):
            raise ValueError(f"Expected the outputs {sorted(expected)}. Received: {sorted(found)}")
        differences.append({name: float(np.abs(found[name] - value).max()) for name, value in expected.items()})
    return {name: max(each[name] for each in differences) for name in differences[0]}


def _to_tflite(network: tf.types.experimental.PolymorphicFunction) -> bytes:
    module = tf.Module()
    module.network = network
    return tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()], module).convert()


def _to_onnx(network: tf.types.experimental.PolymorphicFunction) -> bytes:
    import onnx
    import tf2onnx

    model, _ = tf2onnx.convert.from_function(network, network.input_signature)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(model)
    return model.SerializeToString()
