"""Arrays in TensorProtos that another process sent."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from tfvae.serving.errors import invalid

# The field of the values of each dtype (tensor.proto); those of other dtypes are never read.
_FIELDS = {
    "half_val": (tf.float16, tf.bfloat16),
    "float_val": (tf.float32,),
    "double_val": (tf.float64,),
    "scomplex_val": (tf.complex64,),
    "dcomplex_val": (tf.complex128,),
    "bool_val": (tf.bool,),
    "int_val": (
        tf.int8,
        tf.int16,
        tf.int32,
        tf.uint8,
        tf.uint16,
        tf.qint8,
        tf.quint8,
        tf.qint16,
        tf.quint16,
        tf.qint32,
    ),
    "int64_val": (tf.int64,),
    "uint32_val": (tf.uint32,),
    "uint64_val": (tf.uint64,),
    "string_val": (tf.string,),
}
_FIELD = {dtype: field for field, dtypes in _FIELDS.items() for dtype in dtypes}


def array_of(name: str, tensor: TensorProto) -> np.ndarray:
    """The array in a TensorProto whose dtype and shape have been checked.

    A TensorProto may hold fewer values than its shape says, and TensorFlow repeats the last one: a few bytes would
    become gigabytes. So each item must have been sent.

    Args:
        name: of the tensor, for the error.

    Raises:
        ServingError: INVALID_ARGUMENT, if its values do not fit its shape and dtype.
    """
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    checked_size(name, tensor, shape)
    try:
        return tf.make_ndarray(tensor)
    except Exception as error:  # NumPy raises several for values out of range, such as 300 for a uint8
        raise invalid(f"Expected a tensor {name} whose values fit its shape and dtype. Received: {error}") from error


def checked_size(name: str, tensor: TensorProto, shape: list[int]) -> None:
    """Refuses a tensor that claims other items than were sent: nothing is allocated for it.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    dtype = tf.dtypes.as_dtype(tensor.dtype)
    if dtype not in _FIELD:
        raise invalid(f"Expected a tensor {name} of numbers or strings. Received: dtype={dtype.name}")
    if tensor.tensor_content and dtype != tf.string:
        sent = len(tensor.tensor_content) / dtype.size
    else:
        sent = len(getattr(tensor, _FIELD[dtype])) / (2 if dtype.is_complex else 1)
    if math.prod(shape) != sent:
        raise invalid(
            f"Expected a tensor {name} with all of its values: {math.prod(shape)}, of shape={shape} and "
            f"dtype={dtype.name}. Received: {sent:g} values"
        )
