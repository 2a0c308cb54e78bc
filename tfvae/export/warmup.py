"""Warm-up requests, which TensorFlow Serving replays when it loads a version: no client waits for the first run.

A version whose requests fail is not served, so they are also a self-test. The file is a TFRecord of
tensorflow.serving.PredictionLog. These messages have few fields, so they are encoded here: an export does not need the
package that defines them (tensorflow-serving-api).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

NAME = Path("assets.extra", "tf_serving_warmup_requests")


def write_warmup(saved_model: Path, examples: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Adds a request for each signature to the folder of a SavedModel.

    Args:
        saved_model: the folder.
        examples: for each signature its inputs by name.
    """
    path = saved_model / NAME
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in examples.items():
            writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Mapping[str, np.ndarray]) -> bytes:
    """PredictionLog{6 predict_log: PredictLog{1 request: PredictRequest{1 model_spec, 2 inputs}}}.

    The ModelSpec has no name: the server knows which model it is loading.
    """
    entries = [_field(1, name.encode()) + _field(2, _tensor(value)) for name, value in sorted(inputs.items())]
    model_spec = _field(3, signature.encode())
    request = _field(1, model_spec) + b"".join(_field(2, entry) for entry in entries)
    return _field(6, _field(1, request))


def _tensor(value: np.ndarray) -> bytes:
    """A TensorProto; a constant tensor is written as a single value."""
    constant = value.dtype != object and (value == value.flat[0]).all()
    proto = tf.make_tensor_proto(value.flat[0] if constant else value, value.dtype, value.shape)
    return proto.SerializeToString(deterministic=True)


def _field(number: int, content: bytes) -> bytes:
    """A field of Protocol Buffers' wire type 2: bytes, a string, a message or an entry of a map."""
    length, rest = bytearray(), len(content)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([number << 3 | 2, *length, rest]) + content
