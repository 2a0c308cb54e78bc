"""The gRPC side of a local server: PredictionService and ModelService over `Models`."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn, TypeVar

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfvae.serving.errors import ServingError, errors_as_codes, invalid
from tfvae.serving.local.metrics import Metrics
from tfvae.serving.local.models import Models

Response = TypeVar("Response")


def grpc_server(
    models: Models, metrics: Metrics, address: str, *, limit: int, workers: int, reload_from: Path | None
) -> tuple[grpc.Server, int]:
    """A server that is not started yet, and its port.

    Args:
        address: "host:port"; port 0 takes a free one.
        limit: the largest request, in bytes.
        workers: how many requests run at once; others wait.
        reload_from: HandleReloadConfigRequest may name models inside this folder; None refuses it.

    Raises:
        OSError: if the port is taken.
    """
    options = [
        ("grpc.max_receive_message_length", limit),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # otherwise two servers could share the port
    ]
    server = grpc.server(ThreadPoolExecutor(workers, thread_name_prefix="grpc"), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(models, metrics), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Management(models, reload_from), server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"Expected a free address. Received: {address}") from error
    return server, port


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; Classify, Regress and MultiInference are UNIMPLEMENTED."""

    def __init__(self, models: Models, metrics: Metrics):
        self.models = models
        self.metrics = metrics

    def Predict(  # noqa: N802
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        begin, status = time.perf_counter(), "OK"
        try:
            with errors_as_codes():
                return predict(self.models, request)
        except ServingError as error:
            status = error.code.name
            return _abort(context, error)
        finally:
            if (name := request.model_spec.name) in self.models.names():
                self.metrics.record(name, status, "Predict", "GRPC", 1e6 * (time.perf_counter() - begin))

    def GetModelMetadata(  # noqa: N802
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        return _answered(context, lambda: metadata(self.models, request))


class Management(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus, and HandleReloadConfigRequest where it is allowed.

    Whoever may send a configuration may have any SavedModel of this machine run, and a SavedModel is a program, which
    can read the files of the server's user.
    """

    def __init__(self, models: Models, reload_from: Path | None):
        self.models = models
        self.reload_from = reload_from

    def GetModelStatus(  # noqa: N802
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        return _answered(context, lambda: status(self.models, request))

    def HandleReloadConfigRequest(  # noqa: N802
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        def reload() -> model_management_pb2.ReloadConfigResponse:
            _check_reload(request, self.reload_from)
            self.models.configure(request.config)
            return model_management_pb2.ReloadConfigResponse()

        return _answered(context, reload)


def predict(models: Models, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
    version = models.find(request.model_spec)
    name = request.model_spec.signature_name
    outputs = version.predict(name, version.arrays(name, request.inputs), tuple(request.output_filter))
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
        return _abort(context, error)


def _abort(context: grpc.ServicerContext, error: ServingError) -> NoReturn:
    context.abort(error.code, error.message)
    raise AssertionError("abort raises") from error


def _check_reload(request: model_management_pb2.ReloadConfigRequest, folder: Path | None) -> None:
    if folder is None:
        raise ServingError(
            grpc.StatusCode.PERMISSION_DENIED,
            "HandleReloadConfigRequest is off: start the server with --allow_reload_config",
        )
    for model in request.config.model_config_list.config:
        if "\0" in model.base_path or not Path(model.base_path).resolve().is_relative_to(folder.resolve()):
            raise ServingError(
                grpc.StatusCode.PERMISSION_DENIED,
                f"Expected a base_path in the served folder. Received: base_path='{model.base_path}' for {model.name}",
            )
