"""Bad requests, each with its code, and a server that continues."""

import base64
import io
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import grpc
import numpy as np
import pytest
import requests
from PIL import Image
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving import Client, ServingError
from tfvae.serving.local.server import LocalServer
from tfvae.serving.local.version import Version
from tools import serving_trials as trials

ONE = np.zeros((1, 2, 3, 1), np.float32)


def picture(file_format, size=(3, 2)):
    content = io.BytesIO()
    Image.new("L", size).save(content, file_format)
    return content.getvalue()


def post(server, document, path="tiny:predict"):
    body = document if isinstance(document, bytes) else json.dumps(document)
    return requests.post(f"{server.rest_address}/v1/models/{path}", data=body, timeout=300)


def accepts(server):
    try:
        return requests.get(f"{server.rest_address}/v1/models/tiny", timeout=300).status_code == 200
    except requests.exceptions.ConnectionError:
        return False


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


class Slow(Version):
    """A version whose answers take until `go` is set."""

    began, go = threading.Semaphore(0), threading.Event()

    def predict(self, *arguments):
        self.began.release()
        assert self.go.wait(300)
        return super().predict(*arguments)


@pytest.fixture
def slow(put, tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    put(0, tmp_path / "tiny" / "1")
    monkeypatch.setattr(Slow, "began", threading.Semaphore(0))
    monkeypatch.setattr(Slow, "go", threading.Event())
    monkeypatch.setattr("tfvae.serving.local.models.Version", Slow)
    return tmp_path


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_requests_that_have_begun_are_answered_when_the_server_ends(slow, protocol):
    with ThreadPoolExecutor(4) as pool:
        with LocalServer(slow) as server:
            address = getattr(server, f"{protocol}_address")
            clients = [Client(address, "tiny", attempts=1) for _ in range(3)]
            idle = socket.create_connection(server.rest_address.removeprefix("http://").split(":"), timeout=30)
            idle.sendall(b"GET /v1/models/tiny HTTP/1.1\r\n\r\n")
            assert idle.recv(2**16).startswith(b"HTTP/1.1 200")  # the connection stays open
            # Two are being answered; of the third half has been sent.
            answers = [pool.submit(client.encode, ONE) for client in clients[:2]]
            body = json.dumps({"instances": ONE.tolist()}).encode()
            half = socket.create_connection(server.rest_address.removeprefix("http://").split(":"), timeout=300)
            half.sendall(b"POST /v1/models/tiny:predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body))
            half.sendall(body[:10])
            for _ in answers:
                assert Slow.began.acquire(timeout=300)
            ended = pool.submit(server.__exit__)
            while accepts(server):
                pass
            assert not any(answer.done() for answer in [*answers, ended])
            try:
                while idle.recv(2**16):  # until the server closes it, which does not wait for the others
                    pass
            except TimeoutError:
                Slow.go.set()  # the server could not end
                raise
            half.sendall(body[10:])
            Slow.go.set()
            for answer in answers:
                assert answer.result()["mean"][0, 0] == 0
            response = b"".join(iter(lambda: half.recv(2**16), b""))
            assert response.startswith(b"HTTP/1.1 200")
            assert b"Connection: close" in response
            ended.result()
        for client in clients:
            client.close()
        half.close()
        idle.close()


def test_a_server_does_not_wait_longer_than_its_grace(slow):
    server = LocalServer(slow, grace=0.2)
    server.__enter__()
    with Client(server.grpc_address, "tiny", attempts=1) as client, ThreadPoolExecutor(2) as pool:
        rest = pool.submit(post, server, {"instances": ONE.tolist()})
        grpc_ = pool.submit(client.encode, ONE)
        for _ in range(2):
            assert Slow.began.acquire(timeout=300)
        server.__exit__()  # which returns, although `go` is not set
        with pytest.raises(ServingError):
            grpc_.result()
        Slow.go.set()
        rest.result()


def test_no_request_fails_while_versions_come_good_broken_and_half_copied(versions, put, tmp_path):
    (tmp_path / "tiny").mkdir()
    put(0, tmp_path / "tiny" / "1")
    finished, served = threading.Event(), {1}
    with LocalServer(tmp_path, poll_seconds=0.02) as server, ThreadPoolExecutor(1) as pool:
        result = pool.submit(trials.load, server.grpc_address, "tiny", ONE, clients=8, until=finished)
        try:
            steps = trials.put_versions(versions[0], tmp_path / "tiny", first=2, pause=0.02)
            for number, kind, good in islice(steps, 17):  # each kind twice, and a good one
                server.models.poll()
                status = server.models.status(ModelSpec(name="tiny"))
                assert (status[number][1] is None) == good, kind
                served |= {number} if good else set()
                assert max(served) == server.models.find(ModelSpec(name="tiny")).number
        finally:
            finished.set()
        load = result.result()
    assert load.failures.total() == 0, load
    assert load.versions.total() > 100
    assert set(load.versions) <= served
    assert len(load.versions) > 1
