"""The REST side of a local server.

POST /v1/models/NAME[/versions/N|/labels/L]:predict, GET the same with /metadata or, for its status, with nothing, and
GET /monitoring/prometheus/metrics, as TensorFlow Serving.
"""

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving.errors import HTTP_OF_CODE, ServingError, errors_as_codes, invalid
from tfvae.serving.json_tensors import document_of, inputs_of
from tfvae.serving.local.draining import DrainingHandler, DrainingServer
from tfvae.serving.local.metrics import Metrics
from tfvae.serving.local.models import Models
from tfvae.serving.local.over_grpc import metadata, status

_MODEL = r"/v1/models/([^/:]+)(?:/versions/([0-9]+)|/labels/([^/:]+))?"
_POST = re.compile(_MODEL + ":(predict|classify|regress)", re.IGNORECASE)
_GET = re.compile(_MODEL + "(/metadata)?", re.IGNORECASE)
_METRICS = "/monitoring/prometheus/metrics"


class RestServer(DrainingServer):
    """Listens from its construction on; `serve_forever` answers.

    Args:
        limit: the largest request, in bytes.
    """

    def __init__(self, models: Models, metrics: Metrics, address: tuple[str, int], *, limit: int):
        self.models = models
        self.metrics = metrics
        self.limit = limit
        super().__init__(address, _Handler)


class _Handler(DrainingHandler):
    server: RestServer
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a silent client may keep its thread
    disable_nagle_algorithm = True
    rbufsize = 2**20  # few large reads, because each waits for its turn among the threads

    def do_POST(self) -> None:  # noqa: N802
        self._answer(self._predict)

    def do_GET(self) -> None:  # noqa: N802
        self._answer(self._describe)

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing; the default is a line for each request."""

    def _answer(self, answer: Callable[[], Any]) -> None:
        try:
            with errors_as_codes():
                self._check_headers()
                code, document = 200, answer()
        except ServingError as error:
            code, document = HTTP_OF_CODE.get(error.code, 500), {"error": error.message}
            if isinstance(error, _TooLargeError):
                code = 413
        text = document if isinstance(document, str) else json.dumps(document)
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(document, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection or self.server.draining:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _check_headers(self) -> None:
        """Refuses a request whose end a proxy in between might see at another place, and ends its connection."""
        lengths = self.headers.get_all("Content-Length", [])
        codings = self.headers.get_all("Transfer-Encoding", [])
        keep, self.close_connection = self.close_connection, True
        if self.headers.defects or self.headers.get_payload():
            raise invalid("Expected headers of the form NAME: VALUE.")
        if codings:
            raise invalid(f"Expected a body with Content-Length. Received: Transfer-Encoding: {codings[0]}")
        if len(lengths) > 1 or not all(re.fullmatch("[0-9]{1,18}", length) for length in lengths):
            raise invalid(f"Expected one Content-Length of at most 18 digits. Received: {_short(lengths)}")
        if self.command == "POST" and not lengths:
            raise invalid("Expected a body with Content-Length.")
        if self.command == "GET" and int(lengths[0] if lengths else 0):
            raise invalid(f"Expected a GET without a body. Received: Content-Length: {lengths[0]}")
        if int(lengths[0] if lengths else 0) > self.server.limit:
            raise _TooLargeError(int(lengths[0]), self.server.limit)
        self.close_connection = keep

    def _predict(self) -> Any:
        body = self._body()
        match = _POST.fullmatch(self.path)
        if match is None:
            raise _malformed(self)
        *model, method = match.groups()
        if method.lower() != "predict":
            raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"{method} is not served here, only predict.")
        begin, status = time.perf_counter(), "OK"
        spec = _spec(*model)
        try:
            with errors_as_codes():
                return self._predicted(spec, body)
        except ServingError as error:
            status = error.code.name
            raise
        finally:
            if spec.name in self.server.models.names():
                microseconds = 1e6 * (time.perf_counter() - begin)
                self.server.metrics.record(spec.name, status, "predict", "REST", microseconds)

    def _predicted(self, spec: ModelSpec, body: bytes) -> Any:
        version = self.server.models.find(spec)
        document = _parsed(body)
        name = document.get("signature_name", "") if isinstance(document, dict) else ""
        if not isinstance(name, str):
            raise invalid("'signature_name' key must be a string value.")
        try:
            signature = version.signature(name)
        except ServingError as error:
            raise invalid(f'Serving signature name: "{name}" not found in signature def') from error
        inputs, rows = inputs_of(document, signature)
        return document_of(version.predict(name, inputs), rows=rows)

    def _describe(self) -> Any:
        if self.path == _METRICS:
            return self.server.metrics.page()
        match = _GET.fullmatch(self.path)
        if match is None:
            raise _malformed(self)
        *model, wants_metadata = match.groups()
        if not wants_metadata:
            request = get_model_status_pb2.GetModelStatusRequest(model_spec=_spec(*model))
            return _as_json(status(self.server.models, request))
        found = metadata(
            self.server.models,
            get_model_metadata_pb2.GetModelMetadataRequest(model_spec=_spec(*model), metadata_field=["signature_def"]),
        )
        signatures = get_model_metadata_pb2.SignatureDefMap()
        found.metadata["signature_def"].Unpack(signatures)
        return {"model_spec": _as_json(found.model_spec), "metadata": {"signature_def": _as_json(signatures)}}

    def _body(self) -> bytes:
        length = int(self.headers["Content-Length"])
        try:
            body = self.rfile.read(length)
        except OSError as error:  # it stopped sending, or disconnected
            body, reason = b"", f": {error}"
        else:
            reason = ""
        if len(body) < length:
            self.close_connection = True
            raise invalid(f"Expected a body of {length} bytes. Received: {len(body)} bytes{reason}")
        return body


class _TooLargeError(ServingError):
    def __init__(self, size: int, limit: int):
        # The message of gRPC.
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {limit})")


def _spec(name: str, version: str | None, label: str | None) -> ModelSpec:
    spec = ModelSpec(name=unquote(name))
    if version is not None:
        if len(version) > 19 or int(version) >= 2**63:  # Python refuses to read thousands of digits
            raise invalid(f"Failed to convert version: {_short(version)} to numeric.")
        spec.version.value = int(version)
    if label is not None:
        spec.version_label = unquote(label)
    return spec


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error or type(error).__name__}") from error


def _as_json(message: Any) -> Any:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _malformed(request: _Handler) -> ServingError:
    code = grpc.StatusCode.INVALID_ARGUMENT if request.path.lower().startswith("/v1/") else grpc.StatusCode.NOT_FOUND
    return ServingError(code, f"Malformed request: {request.command} {request.path}")
