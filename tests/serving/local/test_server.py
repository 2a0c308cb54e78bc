"""Bad requests, each with its code, and a server that continues."""

import base64
import io
import json
import socket

import grpc
import numpy as np
import pytest
import requests
from PIL import Image
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from tfvae.serving import Client, ServingError
from tfvae.serving.deployment.configuration import model_server_config
from tfvae.serving.local.server import LocalServer

ONE = np.zeros((1, 2, 3, 1), np.float32)


def picture(file_format, size=(3, 2)):
    content = io.BytesIO()
    Image.new("L", size).save(content, file_format)
    return content.getvalue()


def post(server, document, path="tiny:predict"):
    body = document if isinstance(document, bytes) else json.dumps(document)
    return requests.post(f"{server.rest_address}/v1/models/{path}", data=body, timeout=300)


def assert_it_still_answers(server):
    with Client(server.grpc_address, "tiny", attempts=1) as client:
        assert client.encode(ONE, version=1)["mean"][0, 0] == 0


@pytest.mark.parametrize(
    "content", [picture("PNG")[:40], b"no picture", picture("GIF", (30, 20)), b""], ids=["cut", "text", "GIF", "empty"]
)
def test_a_broken_picture_is_an_invalid_argument(server, content):
    with Client(server.grpc_address, "tiny") as client, pytest.raises(ServingError) as caught:
        client.predict("encode_bytes", {"image_bytes": [content]})
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    request = {"signature_name": "encode_bytes", "instances": [{"b64": base64.b64encode(content).decode()}]}
    assert post(server, request).status_code == 400
    assert_it_still_answers(server)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": [[1.0]]}, r"Expected images of shape [B, 2, 3, 1]. Received: shape=[1, 1]"),
        ({"instances": [[1.0], [1.0, 2.0]]}, "unexpected size"),
        ({"instances": (ONE * np.nan).tolist()}, "Expected images in [0, 1]."),
        ({"instances": [["a"]]}, "not of expected type: float32"),
        ({"signature_name": "encode_uint8", "inputs": (ONE + 300).astype(int).tolist()}, "without loss of precision"),
        ({"signature_name": "encode_bytes", "instances": [{"b64": "_-8="}]}, "Unable to base64 decode"),
        ({"signature_name": "nope", "instances": ONE.tolist()}, '"nope" not found'),
        ({"inputs": ONE.tolist(), "instances": ONE.tolist()}, "only one of"),
        ({}, "Missing 'inputs' or 'instances' key"),
        (b"\xff{", "JSON Parse error"),
        (b"[" * 100_000, "JSON Parse error"),
    ],
)
def test_a_bad_document_is_a_bad_request(server, document, message):
    response = post(server, document)
    assert response.status_code == 400
    assert message in response.json()["error"]
    assert_it_still_answers(server)


def test_rows_get_rows_and_columns_get_columns(server, images):
    rows = post(server, {"instances": images.tolist()}, "tiny/versions/1:predict").json()["predictions"]
    columns = post(server, {"inputs": {"images": images.tolist()}}, "tiny/labels/stable:predict").json()["outputs"]
    assert [row["mean"] for row in rows] == columns["mean"]
    np.testing.assert_allclose(np.float32(columns["mean"])[:, 0], images.sum((1, 2, 3)), rtol=1e-6)


def test_a_request_over_the_limit_is_refused_without_reading_it(server):
    with Client(server.grpc_address, "tiny", batch_size=10**6) as client, pytest.raises(ServingError) as caught:
        client.encode(np.zeros((100_000, 2, 3, 1), np.float32))
    assert caught.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    with socket.create_connection(server.rest_address.removeprefix("http://").split(":")) as connection:
        connection.sendall(b"POST /v1/models/tiny:predict HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
    assert_it_still_answers(server)


def test_a_client_that_disconnects_does_not_affect_the_others(server):
    for _ in range(5):
        with socket.create_connection(server.rest_address.removeprefix("http://").split(":")) as connection:
            connection.sendall(b"POST /v1/models/tiny:predict HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    assert_it_still_answers(server)


def test_random_bytes_get_an_answer(server):
    rng = np.random.default_rng(0)
    with Client(server.grpc_address, "tiny", attempts=1) as client:
        for length in rng.integers(0, 2_000, 100):
            with pytest.raises(ServingError) as caught:
                client.predict("encode_bytes", {"image_bytes": [rng.bytes(length)]})
            assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert_it_still_answers(server)


def test_a_broken_version_does_not_replace_a_good_one(tmp_path, put):
    (tmp_path / "tiny" / "2").mkdir(parents=True)
    put(0, tmp_path / "tiny" / "1")
    with LocalServer(tmp_path) as server, Client(server.grpc_address, "tiny", attempts=1) as client:
        assert client.status() == {1: "AVAILABLE", 2: "END"}
        assert client.encode(ONE)["mean"][0, 0] == 0
        # A configuration that is sent replaces that of the folder.
        with grpc.insecure_channel(server.grpc_address) as channel:
            request = model_management_pb2.ReloadConfigRequest()
            request.config.CopyFrom(model_server_config(tmp_path))
            request.config.model_config_list.config[0].name = "renamed"
            model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=300)
        assert client.status("renamed")[1] == "AVAILABLE"
        with pytest.raises(ServingError, match="NOT_FOUND"):
            client.status()
