"""The gRPC side of a local server: PredictionService and ModelService over `Models`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import grpc
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfvae.serving.errors import ServingError, checked_size, errors_as_codes, invalid
from tfvae.serving.local.models import Models

Response = TypeVar("Response")


def grpc_server(models: Models, address: str, *, limit: int, workers: int) -> tuple[grpc.Server, int]:
    """A server that is not started yet, and its port.

    Args:
        address: "host:port"; port 0 takes a free one.
        limit: the largest request, in bytes.
        workers: how many requests run at once; others wait.

    Raises:
        OSError: if the port is taken.
    """
    options = [
        ("grpc.max_receive_message_length", limit),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # otherwise two servers could share the port
    ]
    server = grpc.server(ThreadPoolExecutor(workers, thread_name_prefix="grpc"), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(models, limit), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Management(models), server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"Expected a free address. Received: {address}") from error
    return server, port


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; Classify, Regress and MultiInference are UNIMPLEMENTED."""

    def __init__(self, models: Models, limit: int):
        self.models = models
        self.limit = limit

    def Predict(  # noqa: N802
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        return _answered(context, lambda: predict(self.models, request, self.limit))

    def GetModelMetadata(  # noqa: N802
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        return _answered(context, lambda: metadata(self.models, request))


class Management(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    def __init__(self, models: Models):
        self.models = models

    def GetModelStatus(  # noqa: N802
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        return _answered(context, lambda: status(self.models, request))

    def HandleReloadConfigRequest(  # noqa: N802
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        def reload() -> model_management_pb2.ReloadConfigResponse:
            self.models.configure(request.config)
            return model_management_pb2.ReloadConfigResponse()

        return _answered(context, reload)


def predict(models: Models, request: predict_pb2.PredictRequest, limit: int) -> predict_pb2.PredictResponse:
    version = models.find(request.model_spec)
    inputs = {}
    for key, tensor in request.inputs.items():
        checked_size([dim.size for dim in tensor.tensor_shape.dim], _dtype(key, tensor), limit)
        try:
            inputs[key] = tf.make_ndarray(tensor)
        except (TypeError, ValueError) as error:
            raise invalid(f"Expected a tensor {key} whose values fit its shape and dtype: {error}") from error
    name = request.model_spec.signature_name
    outputs = version.predict(name, inputs, tuple(request.output_filter))
    response = predict_pb2.PredictResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.signature_name = name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    response.model_spec.version.value = version.number
    for key, array in outputs.items():
        response.outputs[key].CopyFrom(tf.make_tensor_proto(array))
    return response


def metadata(
    models: Models, request: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    if list(request.metadata_field) != ["signature_def"]:
        raise invalid(f"Expected metadata_field to be ['signature_def']. Received: {list(request.metadata_field)}")
    version = models.find(request.model_spec)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.version.value = version.number
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in version.signatures.items():
        signatures.signature_def[name].CopyFrom(signature)
    response.metadata["signature_def"].Pack(signatures)
    return response


def status(
    models: Models, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    response = get_model_status_pb2.GetModelStatusResponse()
    for number, (state, error) in models.status(request.model_spec).items():
        entry = response.model_version_status.add(version=number, state=state)
        entry.status.error_code = error.code.value[0] if error else 0
        entry.status.error_message = error.message if error else ""
    return response


def _answered(context: grpc.ServicerContext, answer: Callable[[], Response]) -> Response:
    try:
        with errors_as_codes():
            return answer()
    except ServingError as error:
        context.abort(error.code, error.message)
        raise AssertionError("abort raises") from error


def _dtype(key: str, tensor: TensorProto) -> tf.DType:
    try:
        return tf.dtypes.as_dtype(tensor.dtype)
    except TypeError as error:
        raise invalid(f"Expected a tensor {key} of a known dtype. Received: dtype={tensor.dtype}") from error
