"""Requests to TensorFlow Serving over REST."""

import asyncio
import json
from concurrent.futures import CancelledError
from typing import Any
from urllib.parse import quote

import aiohttp
import grpc
import numpy as np
from google.protobuf import json_format
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving.client.address import Address
from tfvae.serving.client.answers import (
    MOST_METADATA,
    Answer,
    Expected,
    OtherOutputsError,
    too_large,
    understood,
    wrong,
)
from tfvae.serving.client.http import Http, Response
from tfvae.serving.client.tensors import from_json
from tfvae.serving.errors import CODE_OF_HTTP, ServingError
from tfvae.serving.json_tensors import to_json

_TEMPORARY = {429, 502, 503}
_BYTES_OF_NUMBER = 32  # of JSON: at most 24, and what is between two


class Rest:
    """Connections that stay open and are shared by threads.

    Args:
        address: where the server is.
    """

    def __init__(self, address: Address):
        self._address = address
        self._http = Http(address.proxy)

    def predict(self, spec: ModelSpec, inputs: dict[str, np.ndarray], timeout: float, expected: Expected) -> Answer:
        document = {
            "signature_name": spec.signature_name,
            "inputs": {name: to_json(array) for name, array in inputs.items()},
        }
        limit = expected.limit(_BYTES_OF_NUMBER)
        found = self._called("POST", f"{_path(spec)}:predict", timeout, document, limit=limit)
        with understood('a JSON object with "outputs"'):
            if not isinstance(found, dict) or "outputs" not in found:
                raise wrong(f'Expected a JSON object with "outputs". Received: {json.dumps(found):.200}')
            values = found["outputs"]
            if expected.outputs is not None and len(expected.outputs) == 1:
                values = {next(iter(expected.outputs)): values}  # a single output has no name
            if not isinstance(values, dict):
                raise OtherOutputsError(f"Expected outputs by name. Received: {type(values).__name__}")
            expected.check_names(values)
            return None, {name: from_json(name, value, expected) for name, value in values.items()}

    def metadata(self, spec: ModelSpec, timeout: float) -> tuple[int, dict[str, SignatureDef]]:
        found = self._called("GET", f"{_path(spec)}/metadata", timeout)
        with understood("the metadata of a model in JSON"):
            version = int(found["model_spec"]["version"])
            if spec.HasField("version") and version != spec.version.value:
                raise wrong(f"Expected version {spec.version.value}. Received: {version}")
            signatures = json_format.ParseDict(found["metadata"]["signature_def"], SignatureDefMap(), True)
            return version, dict(signatures.signature_def)

    def status(self, spec: ModelSpec, timeout: float) -> dict[int, str]:
        found = self._called("GET", _path(spec), timeout)
        with understood("the states of versions in JSON"):
            states = {int(entry["version"]): entry["state"] for entry in found["model_version_status"]}
            for state in states.values():
                ModelVersionStatus.State.Value(state)
            return states

    def close(self) -> None:
        self._http.close()

    def _called(
        self, method: str, path: str, timeout: float, document: Any = None, *, limit: int = MOST_METADATA
    ) -> Any:
        """The JSON of the answer."""
        body = None if document is None else json.dumps(document).encode()
        response = self._answered(method, path, body, timeout, limit)
        if 300 <= response.status < 400:
            # Whoever answers may not choose who gets the images.
            code = grpc.StatusCode.FAILED_PRECONDITION
            raise ServingError(
                code, f"Expected an answer. Received: HTTP {response.status}, a redirect to {response.location!r:.200}"
            )
        if response.status != 200:
            code = CODE_OF_HTTP.get(response.status, grpc.StatusCode.UNKNOWN)
            temporary = response.status in _TEMPORARY
            raise ServingError(code, f"{_message(response)} (HTTP {response.status})", temporary=temporary)
        if not response.complete:
            raise too_large(limit, f"more than {limit:,}")
        with understood("JSON"):
            try:
                return json.loads(response.body)
            except (ValueError, RecursionError) as error:
                raise wrong(f"Expected JSON. Received: {response.body[:80]!r}: {error}") from error

    def _answered(self, method: str, path: str, body: bytes | None, timeout: float, limit: int) -> Response:
        try:
            return self._http.request(method, self._address.target + path, body, timeout=timeout, limit=limit)
        except TimeoutError as error:
            code = grpc.StatusCode.DEADLINE_EXCEEDED
            raise ServingError(code, f"{self._address.via}: No answer in {timeout:.3g} s") from error
        except (CancelledError, asyncio.CancelledError) as error:
            raise ServingError(grpc.StatusCode.CANCELLED, "The client was closed.") from error
        except aiohttp.ClientSSLError as error:
            message = f"{self._address.via}: Expected TLS. Received: {error}"
            raise ServingError(grpc.StatusCode.UNAVAILABLE, message) from error
        except (aiohttp.ClientError, OSError) as error:
            # Also of an answer that is not HTTP. It is safe to send a prediction again.
            hint = ". Is it the port of gRPC? Its address has no http://" if "status line" in str(error) else ""
            message = f"{self._address.via}: {type(error).__name__}: {error}{hint}"
            raise ServingError(grpc.StatusCode.UNAVAILABLE, message, temporary=True) from error
        except Exception as error:
            raise wrong(f"{self._address.via}: {type(error).__name__}: {error}") from error


def _message(response: Response) -> str:
    text = response.body.decode(errors="replace")
    try:
        return str(json.loads(text)["error"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return text


def _path(spec: ModelSpec) -> str:
    path = f"/v1/models/{quote(spec.name, safe='')}"
    match spec.WhichOneof("version_choice"):
        case "version":
            return f"{path}/versions/{spec.version.value}"
        case "version_label":
            return f"{path}/labels/{quote(spec.version_label, safe='')}"
        case _:
            return path
