import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from tfvae.serving import ServingError
from tfvae.serving.proto_tensors import array_of

DTYPES = [
    *(tf.float16, tf.bfloat16, tf.float32, tf.float64, tf.complex64, tf.complex128, tf.bool),
    *(tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64),
]


def proto(dtype, shape, **values):
    tensor = TensorProto(dtype=dtype.as_datatype_enum, **values)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_arrays_of_every_dtype_come_back(dtype):
    for array in (np.arange(6).reshape(2, 3), np.arange(1), np.array(1), np.zeros((0, 3))):
        array = array.astype(dtype.as_numpy_dtype)
        for sent in (tf.make_tensor_proto(array), tf.make_tensor_proto(array.tolist(), dtype, array.shape)):
            found = array_of("x", sent)
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)


def test_strings_come_back():
    for array in ([[b"a", b""], [b"\xff", b"bc"]], [b"a"], b"a", []):
        sent = tf.make_tensor_proto(array, tf.string)
        np.testing.assert_array_equal(array_of("x", sent), np.array(array, object))


@pytest.mark.parametrize("dtype", [*DTYPES, tf.string], ids=lambda dtype: dtype.name)
def test_no_dtype_may_claim_more_or_fewer_items_than_were_sent(dtype, monkeypatch):
    monkeypatch.setattr(tf, "make_ndarray", lambda _: pytest.fail("something was allocated"))
    one = tf.make_tensor_proto([b"a"] if dtype == tf.string else np.ones(1, dtype.as_numpy_dtype))
    two = tf.make_tensor_proto([b"a", b"b"] if dtype == tf.string else np.ones(2, dtype.as_numpy_dtype))
    for tensor in (TensorProto(dtype=one.dtype), one, two):
        for shape in ([3], [60_000_000], [2**62, 2**62], [0], [5, 0]):
            lying = TensorProto.FromString(tensor.SerializeToString())
            lying.tensor_shape.CopyFrom(proto(dtype, shape).tensor_shape)
            if tensor.tensor_content or len(tensor.ListFields()) > 2 or 0 not in shape:
                with pytest.raises(ServingError, match=r"INVALID_ARGUMENT: Expected a tensor x with all of its values"):
                    array_of("x", lying)


@pytest.mark.parametrize(
    "lying",
    [
        proto(tf.uint8, [1], int_val=[300]),
        proto(tf.uint8, [1], int_val=[-1]),
        proto(tf.int8, [2], int_val=[1, 128]),
        proto(tf.uint16, [1], int_val=[-1]),
        proto(tf.float32, [2], tensor_content=b"1234567"),
        proto(tf.float32, [1], float_val=[1], tensor_content=b"12345678"),
        proto(tf.float32, [1], int_val=[1]),
    ],
    ids=str,
)
def test_values_that_do_not_fit_are_an_invalid_argument(lying):
    with pytest.raises(ServingError, match=r"INVALID_ARGUMENT: Expected a tensor x"):
        array_of("x", lying)
