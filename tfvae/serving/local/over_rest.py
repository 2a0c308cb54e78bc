"""The REST side of a local server: /v1/models/NAME[/versions/N|/labels/L], with :predict, /metadata, or its status."""

import json
import re
import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving.errors import HTTP_OF_CODE, ServingError, errors_as_codes, invalid
from tfvae.serving.json_tensors import document_of, inputs_of
from tfvae.serving.local.models import Models
from tfvae.serving.local.over_grpc import metadata, status

_MODEL = r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?"
_POST = re.compile(_MODEL + ":(predict|classify|regress)", re.IGNORECASE)
_GET = re.compile(_MODEL + "(/metadata)?", re.IGNORECASE)


class RestServer(ThreadingHTTPServer):
    """Listens from its construction on; `serve_forever` answers.

    Args:
        limit: the largest request, in bytes.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, models: Models, address: tuple[str, int], *, limit: int):
        self.models = models
        self.limit = limit
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, client = super().get_request()
        self._connections.add(connection)
        return connection, client

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Accepts no more requests, also on connections that clients keep open; those already sent are answered."""
        super().server_close()
        for connection in tuple(self._connections):
            with suppress(OSError):  # it was closed meanwhile
                connection.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnect: they are not an error of the server."""


class _Handler(BaseHTTPRequestHandler):
    server: RestServer
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a silent client may keep its thread
    disable_nagle_algorithm = True
    rbufsize = 2**20  # few large reads, because each waits for its turn among the threads

    def do_POST(self) -> None:
        self._answer(self._predict)

    def do_GET(self) -> None:
        self._answer(self._describe)

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing; the default is a line for each request."""

    def _answer(self, answer: Any) -> None:
        try:
            with errors_as_codes():
                code, document = 200, answer()
        except ServingError as error:
            code, document = HTTP_OF_CODE.get(error.code, 500), {"error": error.message}
            if isinstance(error, _TooLargeError):
                code, self.close_connection = 413, True  # its body was not read
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _predict(self) -> Any:
        body = self._body()
        match = _POST.fullmatch(self.path)
        if match is None:
            raise _malformed(self)
        *model, method = match.groups()
        if method.lower() != "predict":
            raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"{method} is not served here, only predict.")
        version = self.server.models.find(_spec(*model))
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
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True  # the beginning of the next request is unknown
            raise invalid("Expected a body with Content-Length.")
        if int(length) > self.server.limit:
            raise _TooLargeError(int(length), self.server.limit)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError("the client disconnected")
        return body


class _TooLargeError(ServingError):
    def __init__(self, size: int, limit: int):
        # The message of gRPC.
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {limit})")


def _spec(name: str, version: str | None, label: str | None) -> ModelSpec:
    spec = ModelSpec(name=unquote(name))
    if version is not None:
        if int(version) >= 2**63:
            raise invalid(f"Failed to convert version: {version} to numeric.")
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


def _malformed(request: _Handler) -> ServingError:
    code = grpc.StatusCode.INVALID_ARGUMENT if request.path.lower().startswith("/v1/") else grpc.StatusCode.NOT_FOUND
    return ServingError(code, f"Malformed request: {request.command} {request.path}")
