"""Tensors as TensorFlow Serving's REST protocol writes them in JSON."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from tfvae.serving.errors import invalid

Json = Any


def inputs_of(document: Json, signature: SignatureDef) -> tuple[dict[str, np.ndarray], bool]:
    """The arrays in the document of a request, and whether it is in row format.

    Row format is {"instances": [one for each image]}, columnar {"inputs": one list, or one for each name}. Bytes are
    {"b64": "..."} of the standard alphabet.

    Raises:
        ServingError: INVALID_ARGUMENT, if the document is not such a request.
    """
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {_short(document)} Is not object")
    if "instances" in document and "inputs" in document:
        raise invalid("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist")
    if "instances" in document:
        return _of_rows(document["instances"], signature), True
    if "inputs" in document:
        return _of_columns(document["inputs"], signature), False
    raise invalid("Missing 'inputs' or 'instances' key")


def document_of(outputs: Mapping[str, np.ndarray], *, rows: bool) -> Json:
    """The document of a response. A single output has no name."""
    columns = {name: _to_json(name, array) for name, array in outputs.items()}
    if not rows:
        return {"outputs": columns if len(columns) > 1 else next(iter(columns.values()))}
    lengths = {name: len(array) if array.ndim else None for name, array in outputs.items()}
    if len(set(lengths.values())) != 1 or None in lengths.values():
        raise invalid(f"Expected outputs with one batch size; ask for the columnar format. Received: {lengths}")
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}


def to_json(array: np.ndarray) -> Json:
    """An array as a client writes it: bytes become {"b64": ...}, numbers stay as they are."""
    if array.dtype == object:
        return [{"b64": base64.b64encode(item).decode()} for item in array.ravel()]
    return array.tolist()


def _of_rows(instances: Json, signature: SignatureDef) -> dict[str, np.ndarray]:
    if not isinstance(instances, list):
        raise invalid("Expecting 'instances' to be an list/array")
    if not instances:
        raise invalid("No values in 'instances' array")
    names = set(signature.inputs)
    if not any(_is_named(row) for row in instances):
        return {_only(names, "instances"): _array(instances, signature, next(iter(names)))}
    for i, row in enumerate(instances):
        if not _is_named(row) or set(row) != names:
            expected = ",".join(sorted(names))
            raise invalid(f"Failed to process element: {i} of 'instances' list. keys must be equal to: {expected}")
    return {name: _array([row[name] for row in instances], signature, name) for name in names}


def _of_columns(inputs: Json, signature: SignatureDef) -> dict[str, np.ndarray]:
    if not _is_named(inputs):
        name = _only(set(signature.inputs), "inputs")
        return {name: _array(inputs, signature, name)}
    for name in signature.inputs:
        if name not in inputs:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: _array(inputs[name], signature, name) for name in signature.inputs}


def _only(names: set[str], key: str) -> str:
    if len(names) != 1:
        raise invalid(
            f"{key} is a plain list, but expecting an object as multiple inputs are required: {sorted(names)}"
        )
    return next(iter(names))


def _is_named(value: Json) -> bool:
    return isinstance(value, dict) and set(value) != {"b64"}


def _array(value: Json, signature: SignatureDef, name: str) -> np.ndarray:
    dtype = tf.dtypes.as_dtype(signature.inputs[name].dtype)
    if dtype == tf.string:
        return _strings(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise invalid(
            f"Expected lists of equal length for {name}: Encountered list at unexpected size: {error}"
        ) from error
    except OverflowError as error:
        raise invalid(f"JSON Value for {name} is not of expected type: {dtype.name}: {error}") from error
    target = np.dtype(dtype.as_numpy_dtype)
    allowed = "iuf" if target.kind == "f" else "iu" if target.kind in "iu" else target.kind
    if array.dtype.kind not in allowed and array.size:
        raise invalid(f"JSON Value: {_short(value)} is not of expected type: {dtype.name}, for {name}")
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(target)
    if target.kind in "iu":
        # TensorFlow Serving accepts 300 as a uint8, and reads 44.
        lossless = np.array_equal(converted, array)
    else:
        lossless = bool((np.isfinite(converted) | ~np.isfinite(array.astype(np.float64))).all())
    if not lossless:
        raise invalid(f"Cannot convert JSON value to {dtype.name} without loss of precision, for {name}")
    return converted


def _strings(value: Json) -> np.ndarray:
    if not isinstance(value, list):
        scalar = np.empty((), object)
        scalar[()] = _bytes(value)
        return scalar
    if any(isinstance(item, list) for item in value):
        raise invalid("Expected a list of strings or {'b64': ...}. Received: a list in a list")
    array = np.empty(len(value), object)
    array[:] = [_bytes(item) for item in value]
    return array


def _bytes(value: Json) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise invalid(f"Expected text. Received: {_short(value)}, which has half of a surrogate pair") from error
    if not isinstance(value, dict) or not isinstance(value.get("b64"), str) or len(value) != 1:
        raise invalid(f"JSON Value: {_short(value)} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"Unable to base64 decode: {error}. Expected the standard alphabet, with + and /.") from error


def _to_json(name: str, array: np.ndarray) -> Json:
    if array.dtype != object:
        return _shortest(array)
    texts = [base64.b64encode(item).decode() if name.endswith("_bytes") else item.decode() for item in array.ravel()]
    values = [{"b64": text} for text in texts] if name.endswith("_bytes") else texts
    return np.array(values, object).reshape(array.shape).tolist()


def _shortest(array: np.ndarray) -> Json:
    """Nested lists; a float32 gets the fewest digits that read back as the same float32."""
    return array.astype("U").astype(np.float64).tolist() if array.dtype == np.float32 else array.tolist()


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
