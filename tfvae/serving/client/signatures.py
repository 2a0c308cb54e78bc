"""The outputs of signatures, as a server reports them."""

import time
from typing import Protocol

import grpc
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving.client.answers import Outputs, outputs_of, understood
from tfvae.serving.errors import ServingError


class _Server(Protocol):
    def metadata(self, spec: ModelSpec, timeout: float) -> tuple[int, dict[str, SignatureDef]]: ...


class Signatures:
    """Asks for the outputs of each signature once; threads share it."""

    def __init__(self, server: _Server):
        self._server = server
        # When they were asked for, the version that reported them, and the outputs.
        self._known: dict[bytes, tuple[float, int, Outputs | None]] = {}

    def outputs(self, spec: ModelSpec, seconds: float) -> Outputs | None:
        """The outputs of a signature; None if the server does not report signatures.

        Raises:
            ServingError: FAILED_PRECONDITION if the model does not have the signature; or the server's error.
        """
        key = spec.SerializeToString()
        if key not in self._known:
            self._known[key] = self._asked(spec, seconds)
        return self._known[key][2]

    def changed(self, spec: ModelSpec, version: int | None, begin: float, seconds: float) -> bool:
        """Whether the outputs of a signature are no longer those that were expected of an answer.

        The server is asked only if they may have changed: an answer that names the version that reported them is wrong,
        and so is one of a call that began before they were asked for.

        Args:
            version: that gave the answer, if it is known.
            begin: of the call, of time.monotonic.
            seconds: for the request.
        """
        when, reported, before = self._known[spec.SerializeToString()]
        current = when >= begin if version is None else version == reported
        if spec.HasField("version") or current or seconds <= 0:
            return False
        found = self._asked(spec, seconds)
        self._known[spec.SerializeToString()] = found
        return found[2] != before

    def _asked(self, spec: ModelSpec, seconds: float) -> tuple[float, int, Outputs | None]:
        when = time.monotonic()
        try:
            version, signatures = self._server.metadata(spec, seconds)
        except ServingError as error:
            if error.code == grpc.StatusCode.UNIMPLEMENTED:
                return when, 0, None
            raise
        name = spec.signature_name or "serving_default"
        if name not in signatures:
            known = f"{sorted(signatures)!r:.500}"
            raise ServingError(
                grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found, of {known}.'
            )
        with understood(f"the outputs of the signature {name}"):
            return when, version, outputs_of(signatures[name])
