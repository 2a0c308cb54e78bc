"""Requests to TensorFlow Serving over gRPC."""

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving.errors import ServingError

_TEMPORARY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED}
# The server decides how large a message may be; gRPC's own limit is 4 MB.
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Grpc:
    """A connection that is opened when it is first needed, and again when it is lost.

    Args:
        address: "host:port".
        credentials: for TLS.
    """

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None):
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        else:
            self._channel = grpc.secure_channel(address, credentials, options=_OPTIONS)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(
        self, spec: ModelSpec, inputs: dict[str, np.ndarray], timeout: float
    ) -> tuple[int | None, dict[str, np.ndarray]]:
        request = predict_pb2.PredictRequest(model_spec=spec)
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        response = _called(self._prediction.Predict, request, timeout)
        outputs = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
        return response.model_spec.version.value, outputs

    def metadata(self, spec: ModelSpec, timeout: float) -> tuple[int, dict[str, SignatureDef]]:
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
        response = _called(self._prediction.GetModelMetadata, request, timeout)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return response.model_spec.version.value, dict(signatures.signature_def)

    def status(self, spec: ModelSpec, timeout: float) -> dict[int, str]:
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
        response = _called(self._models.GetModelStatus, request, timeout)
        state_name = get_model_status_pb2.ModelVersionStatus.State.Name
        return {int(entry.version): state_name(entry.state) for entry in response.model_version_status}

    def close(self) -> None:
        self._channel.close()


def _called(method, request, timeout: float):  # type: ignore[no-untyped-def]  # of the stubs, which have no types
    try:
        return method(request, timeout=timeout)
    except grpc.RpcError as error:
        raise ServingError(error.code(), error.details() or "", temporary=error.code() in _TEMPORARY) from error
