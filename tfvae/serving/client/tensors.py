"""Arrays in the answers of a server, read only when they are what they say."""

import base64
import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from tfvae.serving.client.answers import Expected, wrong

# Where a TensorProto has the values of each dtype.
_FIELDS = {
    "half_val": (tf.float16, tf.bfloat16),
    "float_val": (tf.float32,),
    "double_val": (tf.float64,),
    "int_val": (tf.int32, tf.int16, tf.int8, tf.uint16, tf.uint8),
    "int64_val": (tf.int64,),
    "uint32_val": (tf.uint32,),
    "uint64_val": (tf.uint64,),
    "bool_val": (tf.bool,),
    "string_val": (tf.string,),
}
_FIELD = {dtype: field for field, dtypes in _FIELDS.items() for dtype in dtypes}


def from_proto(name: str, tensor: TensorProto, expected: Expected) -> np.ndarray:
    """The array of a TensorProto.

    It must hold each of its values: a shape alone costs nothing to send. TensorFlow Serving sends all of them.

    Raises:
        ServingError: INTERNAL, if it is not what was expected, or not what it says.
    """
    dtype = next((known for known in _FIELD if known.as_datatype_enum == tensor.dtype), None)
    if dtype is None:
        raise wrong(f"Expected {name} of a dtype among {[x.name for x in _FIELD]}. Received: dtype={tensor.dtype}")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise wrong(f"Expected {name} of a known shape. Received: {tensor.tensor_shape!s:.200}")
    expected.check_tensor(name, shape, dtype)
    content = tensor.tensor_content
    sent = len(content) / dtype.size if content else len(getattr(tensor, _FIELD[dtype]))
    if sent != math.prod(shape):
        raise wrong(f"Expected {name} with the values of its shape. Received: shape={list(shape)}, {sent:g} values")
    array = tf.make_ndarray(tensor)
    expected.check_values(name, array)
    return array


def from_json(name: str, value: Any, expected: Expected) -> np.ndarray:
    """The array of nested lists.

    Raises:
        ServingError: INTERNAL, if they are not what was expected.
    """
    if expected.outputs is None:
        raise wrong("Expected a server that reports signatures: JSON does not say what its numbers are.")
    dtype = expected.outputs[name].dtype
    leaves = np.array(value, object)  # lists of several lengths become leaves
    expected.check_tensor(name, leaves.shape)
    kinds = set(map(type, leaves.ravel().tolist()))
    if dtype == tf.string:
        allowed: set[type] = {str, dict}
    elif dtype == tf.bool:
        allowed = {bool}
    else:
        allowed = {int, float} if dtype.is_floating else {int}
    if not kinds <= allowed:
        found = sorted(kind.__name__ for kind in kinds - allowed)
        raise wrong(f"Expected lists of equal length of {dtype.name} for {name}. Received: {found} in them")
    if dtype == tf.string:
        return np.array([_bytes(leaf) for leaf in leaves.ravel()], object).reshape(leaves.shape)
    with np.errstate(over="ignore"):
        array = leaves.astype(dtype.as_numpy_dtype)
    if dtype.is_floating and (np.isinf(array) & ~np.isinf(leaves.astype(np.float64))).any():
        raise wrong(f"Expected {name} in the range of {dtype.name}. Received: larger numbers")
    expected.check_values(name, array)
    return array


def _bytes(leaf: str | dict[str, str]) -> bytes:
    return leaf.encode() if isinstance(leaf, str) else base64.b64decode(leaf["b64"], validate=True)
