"""Checks that a request fits the signature that it asks, from names, dtypes and shapes alone."""

from collections.abc import Collection, Sequence

import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo

from tfvae.serving.errors import invalid


def check_names(signature: SignatureDef, inputs: Collection[str], outputs: Collection[str]) -> None:
    """Checks the names of all inputs, and those of the outputs that are asked for.

    Raises:
        ServingError: INVALID_ARGUMENT, with TensorFlow Serving's message.
    """
    extra, missing = sorted(set(inputs) - set(signature.inputs)), sorted(set(signature.inputs) - set(inputs))
    if extra or missing:
        raise invalid(
            f"input size does not match signature: {len(inputs)}!={len(signature.inputs)} "
            f"len({{{','.join(sorted(inputs))}}}) != len({{{','.join(sorted(signature.inputs))}}}). "
            f"Sent extra: {{{','.join(extra)}}}. Missing but required: {{{','.join(missing)}}}."
        )
    for key in outputs:
        if key not in signature.outputs:
            known = ",".join(sorted(signature.outputs))
            raise invalid(
                f"output tensor alias not found in signature: {key} Outputs expected to be in the set {{{known}}}."
            )


def check_tensor(key: str, info: TensorInfo, dtype: int, shape: Sequence[int]) -> None:
    """Checks an input's dtype, a DataType of TensorFlow, and its shape.

    Raises:
        ServingError: INVALID_ARGUMENT, with what was expected and what was received.
    """
    if dtype != info.dtype:
        raise invalid(f"Expected {key} of dtype {_name(info.dtype)}. Received: dtype={_name(dtype)}")
    expected = tf.TensorShape(info.tensor_shape)
    if not _fits(expected, shape):
        sizes = "any shape" if expected.rank is None else ["B" if size is None else size for size in expected]
        text = str(sizes).replace("'", "")
        received = f"{list(shape[:8])}"[:-1] + ", ...]" if len(shape) > 8 else f"{list(shape)}"
        raise invalid(f"Expected {key} of shape {text}. Received: shape={received}")


def _fits(expected: tf.TensorShape, shape: Sequence[int]) -> bool:
    if min(shape, default=0) < 0 or len(shape) > 254:  # as many dimensions as TensorFlow's shapes have
        return False
    if expected.rank is None:
        return True
    return len(shape) == expected.rank and all(a in (None, b) for a, b in zip(expected, shape, strict=True))


def _name(dtype: int) -> str:
    try:
        return tf.dtypes.as_dtype(dtype).name
    except TypeError:
        return str(dtype)
