"""Requests that an encoder cannot answer, and a server's answers to them over gRPC and REST."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving.client.client import Client
from tfvae.serving.json_tensors import to_json

_SECONDS = 300.0  # for an answer


@dataclass(frozen=True)
class BadRequest:
    """A request, and the answer that it should get.

    Args:
        name: what is wrong with it.
        grpc: the code of gRPC; None if gRPC cannot express the request.
        rest: the status of HTTP.
        inputs: arrays by name; bytes as objects.
        columns: the JSON in place of the inputs, where the JSON itself is wrong.
        signature, model, version, label: what it asks; by default the newest version of the model under test.
        local: whether only `LocalServer` must answer so; TensorFlow Serving's answer may differ.
        leaves: whether the client disconnects before it has an answer.
    """

    name: str
    grpc: str | None
    rest: int | None
    inputs: Mapping[str, np.ndarray]
    columns: Any = None
    signature: str = "serving_default"
    model: str | None = None
    version: int | None = None
    label: str | None = None
    local: bool = False
    leaves: bool = False


@dataclass(frozen=True)
class Answer:
    """A server's answer: the code of gRPC and the status of HTTP, each with the message; None if there was none."""

    grpc: tuple[str, str] | None
    rest: tuple[int, str] | None


def bad_requests(image_shape: Sequence[int], limit: int) -> list[BadRequest]:
    """Requests to an encoder of images (H, W, C), at a server that takes requests of at most `limit` bytes."""
    images = np.zeros((1, *image_shape), np.float32)
    png = picture("PNG", (64, 64))
    pictures = {
        "a PNG cut short": [png[: len(png) // 2]],
        "a JPEG cut short": [picture("JPEG", (64, 64))[:20]],
        "a text file": [b"These are no pixels.\n"],
        "a GIF": [picture("GIF", (64, 64))],
        "0 bytes": [b""],
        "a good picture and a bad one": [png, b"bad"],
        "a PNG of 30 megapixels": [picture("PNG", (6000, 5000))],
        "a JPEG of 30 megapixels": [picture("JPEG", (6000, 5000))],
    }
    wrong = {
        "an image without its batch": images[0],
        "an image of another size": images[:, 1:],
        "NaN": images * np.nan,
        "pixels in 0..255 as floats": images + 255,
    }
    invalid, sent = ("INVALID_ARGUMENT", 400), {"images": images}
    return [
        *(
            BadRequest(name, *invalid, {"image_bytes": _strings(contents)}, signature="encode_bytes")
            for name, contents in pictures.items()
        ),
        BadRequest(
            "base64 that is url-safe",
            None,
            400,
            {},
            columns={"image_bytes": [{"b64": "_-8="}]},
            signature="encode_bytes",
        ),
        *(BadRequest(name, *invalid, {"images": values}) for name, values in wrong.items()),
        BadRequest(
            "an int32 of 300 as uint8",
            *invalid,
            {"images": np.full(images.shape, 300, np.int32)},
            signature="encode_uint8",
            local=True,
        ),
        BadRequest("another name of the input", *invalid, {"pixels": images}),
        BadRequest("no rows", "OK", 400, {"images": images[:0]}, local=True),
        BadRequest("an unknown signature", "FAILED_PRECONDITION", 400, sent, signature="nope"),
        BadRequest("an unknown model", "NOT_FOUND", 404, sent, model="nope"),
        BadRequest("an unknown version", "NOT_FOUND", 404, sent, version=999_999),
        BadRequest("an unknown label", *invalid, sent, label="nope"),
        BadRequest(
            f"more than {limit} bytes",
            "RESOURCE_EXHAUSTED",
            413,
            {"image_bytes": _strings([bytes(limit)])},
            signature="encode_bytes",
            local=True,
        ),
        BadRequest("a client that disconnects", None, None, sent, leaves=True),
    ]


def answers(
    grpc_address: str, rest_address: str, model: str, todo: Sequence[BadRequest]
) -> Iterator[tuple[BadRequest, Answer]]:
    """Sends each request and yields its answer, after the server has answered a good request that follows it.

    Args:
        grpc_address: "host:port".
        rest_address: "http://host:port".
        model: an encoder with `encode_uint8`.
        todo: what to send.

    Raises:
        ServingError: if the server no longer answers a good request.
    """
    with Client(grpc_address, model) as client, grpc.insecure_channel(grpc_address, options=_OPTIONS) as channel:
        good = np.zeros((1, *image_shape(client)), np.uint8)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for bad in todo:
            answer = Answer(_by_grpc(stub, model, bad), _by_rest(rest_address, model, bad))
            client.encode(good)
            yield bad, answer


def image_shape(client: Client) -> tuple[int, ...]:
    """(H, W, C) of the encoder that a client asks."""
    _, signatures = client.metadata()
    return tuple(dim.size for dim in signatures["serving_default"].inputs["images"].tensor_shape.dim[1:])


def picture(file_format: str, size: tuple[int, int]) -> bytes:
    """The bytes of a picture of (width, height): a board of 8 x 8 black and white squares."""
    content = io.BytesIO()
    fields = Image.fromarray(np.uint8(255 * (np.indices((8, 8)).sum(0) % 2)))
    fields.resize(size, Image.Resampling.NEAREST).save(content, file_format)
    return content.getvalue()


# Requests of any size are sent: the server should refuse them.
_OPTIONS = [("grpc.max_send_message_length", -1)]


def _by_grpc(
    stub: prediction_service_pb2_grpc.PredictionServiceStub, model: str, bad: BadRequest
) -> tuple[str, str] | None:
    request = predict_pb2.PredictRequest(model_spec=ModelSpec(name=bad.model or model, signature_name=bad.signature))
    if bad.version is not None:
        request.model_spec.version.value = bad.version
    if bad.label is not None:
        request.model_spec.version_label = bad.label
    for name, array in bad.inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    if bad.leaves:
        stub.Predict.future(request, timeout=_SECONDS).cancel()
    if bad.grpc is None:
        return None
    try:
        stub.Predict(request, timeout=_SECONDS)
    except grpc.RpcError as error:
        return error.code().name, error.details() or ""
    return "OK", ""


def _by_rest(address: str, model: str, bad: BadRequest) -> tuple[int, str] | None:
    path = f"/v1/models/{bad.model or model}"
    if bad.version is not None:
        path += f"/versions/{bad.version}"
    if bad.label is not None:
        path += f"/labels/{bad.label}"
    columns = bad.columns or {name: to_json(array) for name, array in bad.inputs.items()}
    body = json.dumps({"signature_name": bad.signature, "inputs": columns}).encode()
    connection = HTTPConnection(urlsplit(address).netloc, timeout=_SECONDS)
    try:
        connection.putrequest("POST", f"{path}:predict")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        if bad.leaves:
            connection.send(body[: len(body) // 2])
            return None
        # A server that refuses a request for its size need not read it.
        if bad.rest != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            connection.send(body)
        response = connection.getresponse()
        return response.status, json.loads(response.read()).get("error", "")
    except TimeoutError:
        return None
    finally:
        connection.close()


def _strings(contents: Sequence[bytes]) -> np.ndarray:
    array = np.empty(len(contents), object)
    array[:] = contents
    return array
