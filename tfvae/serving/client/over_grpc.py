"""Requests to TensorFlow Serving over gRPC."""

from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelVersionStatus,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse

from tfvae.serving.client import address as addresses
from tfvae.serving.client.answers import (
    MOST,
    MOST_METADATA,
    Answer,
    Expected,
    OtherOutputsError,
    too_large,
    understood,
    wrong,
)
from tfvae.serving.client.tensors import from_proto
from tfvae.serving.errors import ServingError

_TEMPORARY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED}
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
_BYTES_OF_NUMBER = 16  # of a TensorProto: at most 10


class Grpc:
    """A connection that is opened when it is first needed, and again when it is lost.

    Args:
        address: "host:port", or as `address.parse` returns it.
        credentials: for TLS.
        max_answer_bytes: of an answer; a larger one is refused before it is read.
    """

    def __init__(
        self,
        address: str | addresses.Address,
        credentials: grpc.ChannelCredentials | None = None,
        max_answer_bytes: int = MOST,
    ):
        self._address = addresses.parse(address) if isinstance(address, str) else address
        self._most = max_answer_bytes
        options: list[tuple[str, int | str]] = [
            ("grpc.max_receive_message_length", max_answer_bytes),
            ("grpc.max_send_message_length", -1),  # the server decides how large a request may be
            ("grpc.compression_enabled_algorithms_bitset", 1),  # none: a few bytes would become many
            ("grpc.enable_http_proxy", int(self._address.proxy is not None)),
            # By default, a lost connection is tried again after one second and more: later than most of our attempts.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 5_000),
        ]
        if self._address.proxy is not None:
            options.append(("grpc.http_proxy", self._address.proxy))
        target = self._address.target
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options=options)
        else:
            self._channel = grpc.secure_channel(target, credentials, options=options)
        self._send = {method: self._channel.unary_unary(method) for method in (_PREDICT, _METADATA, _STATUS)}

    def predict(
        self, spec: ModelSpec, inputs: dict[str, np.ndarray], timeout: float, expected: Expected | None = None
    ) -> Answer:
        request = PredictRequest(model_spec=spec)
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        if expected is None:
            expected = Expected(len(next(iter(inputs.values()))), None, self._most)
        response = self._called(_PREDICT, request, PredictResponse, timeout, expected.limit(_BYTES_OF_NUMBER))
        version = _checked_version(spec, response.model_spec)
        with understood("an answer of tensors"):
            try:
                expected.check_names(response.outputs)
                outputs = {name: from_proto(name, response.outputs[name], expected) for name in response.outputs}
            except OtherOutputsError as error:
                error.version = version
                raise
        return version, outputs

    def metadata(self, spec: ModelSpec, timeout: float) -> tuple[int, dict[str, SignatureDef]]:
        request = GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
        response = self._called(_METADATA, request, GetModelMetadataResponse, timeout)
        version = _checked_version(spec, response.model_spec)
        signatures = SignatureDefMap()
        with understood("signatures"):
            if not response.metadata["signature_def"].Unpack(signatures):
                raise wrong(f"Expected signatures. Received: {list(response.metadata)!r:.200}")
        return version or 0, dict(signatures.signature_def)

    def status(self, spec: ModelSpec, timeout: float) -> dict[int, str]:
        response = self._called(_STATUS, GetModelStatusRequest(model_spec=spec), GetModelStatusResponse, timeout)
        with understood("the states of versions"):
            return {
                int(entry.version): ModelVersionStatus.State.Name(entry.state)
                for entry in response.model_version_status
            }

    def close(self) -> None:
        self._channel.close()

    def _called(self, method: str, request: Any, response: Any, timeout: float, limit: int = MOST_METADATA) -> Any:
        """The response to a request; its bytes are counted before they become a message, which is larger."""
        try:
            content = self._send[method](request.SerializeToString(), timeout=timeout)
        except grpc.RpcError as error:
            code, details = error.code(), error.details() or ""
            raise ServingError(code, self._explained(code, details), temporary=code in _TEMPORARY) from error
        except ValueError as error:
            raise ServingError(grpc.StatusCode.CANCELLED, "The client was closed.") from error
        if len(content) > limit:
            raise too_large(limit, len(content))
        with understood(f"a {response.__name__}"):
            return response.FromString(content)

    def _explained(self, code: grpc.StatusCode, details: str) -> str:
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{self._address.via}: {details}"
        if code != grpc.StatusCode.UNAVAILABLE:
            return details
        # gRPC has two messages for an answer in HTTP/1.1, by what it reads first. Of the addresses of a host, such as
        # the two of localhost, it reports the last alone, where nobody may listen.
        is_rest = any(sign in details for sign in ("http1.x", "Expected SETTINGS frame"))
        question = "" if is_rest else " Is it the port of REST?"
        unreached = is_rest or "failed to connect" in details
        hint = f'.{question} REST is at "http://{self._address.target}".' if unreached else ""
        return f"{self._address.via}: {details}{hint}"


def _checked_version(asked: ModelSpec, answered: ModelSpec) -> int | None:
    """The version that answered, if it is known.

    Raises:
        ServingError: INTERNAL, if another model, version or signature answered.
    """
    version = answered.version.value if answered.HasField("version") else None
    name, signature = answered.name or asked.name, answered.signature_name or asked.signature_name
    others = version not in (None, asked.version.value) if asked.HasField("version") else False
    if name != asked.name or signature != asked.signature_name or others:
        received = f"{answered.name} {version} {answered.signature_name}"
        raise wrong(f"Expected an answer of {_name(asked)}. Received: {received!r:.200}")
    return version


def _name(spec: ModelSpec) -> str:
    version = f" {spec.version.value}" if spec.HasField("version") else ""
    return f"{spec.name}{version} {spec.signature_name}"
