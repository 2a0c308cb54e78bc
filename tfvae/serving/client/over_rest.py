"""Requests to TensorFlow Serving over REST."""

from typing import Any
from urllib.parse import quote

import grpc
import numpy as np
import requests
import tensorflow as tf
from google.protobuf import json_format
from requests.adapters import HTTPAdapter
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving.errors import CODE_OF_HTTP, ServingError
from tfvae.serving.json_tensors import to_json

_TEMPORARY = {429, 502, 503}


class Rest:
    """Connections that stay open and are shared by threads.

    Args:
        address: "http://host:port" or "https://host:port".
        connections: how many stay open.
    """

    def __init__(self, address: str, connections: int):
        self._address = address.rstrip("/")
        self._session = requests.Session()
        self._session.mount(self._address, HTTPAdapter(pool_maxsize=connections))
        self._dtypes: dict[tuple[str, str], dict[str, tf.DType]] = {}

    def predict(
        self, spec: ModelSpec, inputs: dict[str, np.ndarray], timeout: float
    ) -> tuple[int | None, dict[str, np.ndarray]]:
        dtypes = self._dtypes_of(spec, timeout)
        document = {
            "signature_name": spec.signature_name,
            "inputs": {name: to_json(array) for name, array in inputs.items()},
        }
        outputs = self._called("POST", f"{_path(spec)}:predict", timeout, document)["outputs"]
        if len(dtypes) == 1:
            outputs = {next(iter(dtypes)): outputs}
        return None, {name: np.array(value, dtypes[name].as_numpy_dtype) for name, value in outputs.items()}

    def metadata(self, spec: ModelSpec, timeout: float) -> tuple[int, dict[str, SignatureDef]]:
        found = self._called("GET", f"{_path(spec)}/metadata", timeout)
        signatures = json_format.ParseDict(found["metadata"]["signature_def"], SignatureDefMap(), True)
        return int(found["model_spec"]["version"]), dict(signatures.signature_def)

    def status(self, spec: ModelSpec, timeout: float) -> dict[int, str]:
        found = self._called("GET", _path(spec), timeout)
        return {int(entry["version"]): entry["state"] for entry in found["model_version_status"]}

    def close(self) -> None:
        self._session.close()

    def _dtypes_of(self, spec: ModelSpec, timeout: float) -> dict[str, tf.DType]:
        """The dtypes of a signature's outputs, which the JSON does not contain."""
        key = _path(spec), spec.signature_name
        if key not in self._dtypes:
            _, signatures = self.metadata(spec, timeout)
            if spec.signature_name not in signatures:
                code, known = grpc.StatusCode.FAILED_PRECONDITION, sorted(signatures)
                raise ServingError(code, f'Serving signature key "{spec.signature_name}" not found, of {known}.')
            outputs = signatures[spec.signature_name].outputs
            self._dtypes[key] = {name: tf.dtypes.as_dtype(info.dtype) for name, info in outputs.items()}
        return self._dtypes[key]

    def _called(self, method: str, path: str, timeout: float, document: Any = None) -> Any:
        try:
            response = self._session.request(method, self._address + path, json=document, timeout=timeout)
        except requests.Timeout as error:
            raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, f"No answer in {timeout:.3g} s") from error
        except requests.ConnectionError as error:
            raise ServingError(grpc.StatusCode.UNAVAILABLE, str(error), temporary=True) from error
        try:
            body = response.json()
        except requests.JSONDecodeError:
            body = {"error": response.text or response.reason}
        if response.ok:
            return body
        code = CODE_OF_HTTP.get(response.status_code, grpc.StatusCode.UNKNOWN)
        temporary = response.status_code in _TEMPORARY
        raise ServingError(code, f"{body.get('error', body)} (HTTP {response.status_code})", temporary=temporary)


def _path(spec: ModelSpec) -> str:
    path = f"/v1/models/{quote(spec.name, safe='')}"
    match spec.WhichOneof("version_choice"):
        case "version":
            return f"{path}/versions/{spec.version.value}"
        case "version_label":
            return f"{path}/labels/{quote(spec.version_label, safe='')}"
        case _:
            return path
