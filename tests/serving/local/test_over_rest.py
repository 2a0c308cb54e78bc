"""HTTP that a good client does not send, and what TensorFlow Serving answers besides predictions."""

import json
import re
import socket

import pytest
import requests

from tfvae.serving import Client
from tfvae.serving.local import over_rest

PATH = b"/v1/models/tiny"
GOOD = b'{"instances": [[[[0], [0], [0]], [[0], [0], [0]]]]}'
STATUS = b"GET " + PATH + b" HTTP/1.1\r\nHost: x\r\n"
PREDICT = b"POST " + PATH + b":predict HTTP/1.1\r\nHost: x\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(GOOD)
DIGITS = b"9" * 5_000

BAD = {
    "a GET with a body": STATUS + LENGTH + b"\r\n" + GOOD,
    "a GET whose body is a request": STATUS + b"Content-Length: 48\r\n\r\n" + STATUS + b"\r\n",
    "a GET with chunks": STATUS + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": PREDICT + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + GOOD,
    "chunks": PREDICT + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding and a length": PREDICT + LENGTH + b"Transfer-Encoding: xchunked\r\n\r\n" + GOOD,
    "no length": PREDICT + b"\r\n",
    "two lengths": PREDICT + LENGTH + b"Content-Length: 5\r\n\r\n" + GOOD,
    "two equal lengths": PREDICT + LENGTH + LENGTH + b"\r\n" + GOOD,
    "a list of lengths": PREDICT + b"Content-Length: 5, 5\r\n\r\n" + GOOD,
    "a length with a sign": PREDICT + b"Content-Length: +5\r\n\r\n" + GOOD,
    "a negative length": PREDICT + b"Content-Length: -5\r\n\r\n" + GOOD,
    "a hexadecimal length": PREDICT + b"Content-Length: 0x5\r\n\r\n" + GOOD,
    "a length with an underscore": PREDICT + b"Content-Length: 5_0\r\n\r\n" + GOOD,
    "a length that is a superscript": PREDICT + b"Content-Length: \xb2\r\n\r\n" + GOOD,
    "a length of 5,000 digits": PREDICT + b"Content-Length: " + DIGITS + b"\r\n\r\n",
    "a space before the colon": PREDICT + b"Content-Length : 5\r\n\r\n" + GOOD,
    "a GET with a space before the colon": STATUS + b"Content-Length : %d\r\n\r\n" % len(GOOD) + GOOD,
    "chunks after a line that is no header": PREDICT + LENGTH + b"x\r\nTransfer-Encoding: chunked\r\n\r\n" + GOOD,
    "a line that is no header": PREDICT + b"nonsense\r\n" + LENGTH + b"\r\n" + GOOD,
    "a version of 5,000 digits": b"GET " + PATH + b"/versions/" + DIGITS + b" HTTP/1.1\r\n\r\n",
    "a version of 2^63": b"GET " + PATH + b"/versions/%d HTTP/1.1\r\n\r\n" % 2**63,
    "a version in other digits": b"GET " + PATH + b"/versions/\xb2 HTTP/1.1\r\n\r\n",
}


def sent(server, content):
    """What a server answers until it closes the connection or has nothing more to say."""
    with socket.create_connection(server.rest_address.removeprefix("http://").split(":"), timeout=60) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(2**16), b""))


def assert_it_still_answers(server):
    answer = sent(server, PREDICT + LENGTH + b"\r\n" + GOOD)
    assert answer.startswith(b"HTTP/1.1 200"), answer


@pytest.mark.parametrize("bad", BAD)
def test_a_request_that_can_be_read_in_two_ways_is_refused_once(server, bad):
    answer = sent(server, BAD[bad])
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"400"]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert_it_still_answers(server)


def test_a_body_that_is_cut_short_is_a_bad_request(server):
    answer = sent(server, PREDICT + LENGTH + b"\r\n" + GOOD[:10])
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"Received: 10 bytes" in answer


@pytest.mark.parametrize("first", [b"", STATUS], ids=["nothing", "half a request"])
def test_a_client_that_stays_silent_is_disconnected(server, first, monkeypatch):
    monkeypatch.setattr(over_rest._Handler, "timeout", over_rest._Handler.timeout / 300)
    address = server.rest_address.removeprefix("http://").split(":")
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(first)
        assert connection.recv(2**16) == b""
    monkeypatch.undo()
    assert_it_still_answers(server)


def test_good_requests_follow_each_other_on_a_connection(server):
    answer = sent(server, (STATUS + b"Content-Length: 0\r\n\r\n" + PREDICT + LENGTH + b"\r\n" + GOOD) * 2)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200"] * 4


@pytest.mark.parametrize(
    "document",
    [
        b'{"signature_name": "encode_bytes", "instances": ["\\ud800"]}',
        b'{"signature_name": "encode_bytes", "instances": ["\xed\xa0\x80"]}',
        b'{"signature_name": "encode_bytes", "instances": [{"b64": "\\ud800"}]}',
        b'{"signature_name": "\\ud800", "instances": [0]}',
        b'{"inputs": {"\\ud800": [0]}}',
        b'{"instances": [{"\\ud800": 0}]}',
        b'{"instances": "\\ud800"}',
        b'{"instances": [[[["\\ud800"]]]]}',
        b'{"instances": [%s]}' % DIGITS,
        b'{"instances": [-%s.5e%s]}' % (DIGITS, DIGITS),
        b'{"instances": [[[[1e999], [0], [0]], [[0], [0], [0]]]]}',
        b'{"signature_name": "encode_uint8", "instances": [[[[1e30], [0], [0]], [[0], [0], [0]]]]}',
        b'{"signature_name": "encode_uint8", "instances": [[[[%d], [0], [0]], [[0], [0], [0]]]]}' % 10**30,
        b'{"signature_name": "encode_uint8", "instances": [[[[300], [0], [0]], [[0], [0], [0]]]]}',
        b'{"signature_name": "encode_uint8", "instances": [[[[-1], [0], [0]], [[0], [0], [0]]]]}',
        b'{"signature_name": "encode_uint8", "instances": [[[[NaN], [0], [0]], [[0], [0], [0]]]]}',
    ],
    ids=lambda document: str(document[:60]),
)
def test_huge_numbers_and_lone_surrogates_are_a_bad_request(server, document):
    response = requests.post(f"{server.rest_address}/v1/models/tiny:predict", data=document, timeout=300)
    assert response.status_code == 400, response.text
    assert response.json()["error"]


def test_health_is_the_status_of_a_model(server):
    def get(path):
        return requests.get(f"{server.rest_address}/v1/models/{path}", timeout=300)

    states = get("tiny").json()["model_version_status"]
    assert [(state["version"], state["state"]) for state in states] == [("1", "AVAILABLE"), ("2", "AVAILABLE")]
    assert len(get("tiny/versions/1").json()["model_version_status"]) == 1
    assert [get(path).status_code for path in ("tiny/labels/stable", "other", "tiny/versions/3")] == [200, 404, 404]


def test_requests_are_counted_as_tensorflow_serving_counts_them(server, images):
    def page():
        response = requests.get(f"{server.rest_address}/monitoring/prometheus/metrics", timeout=300)
        assert response.headers["Content-Type"] == "text/plain"
        return dict(line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#"))

    ok = ':tensorflow:serving:request_count{model_name="tiny",status="OK"}'
    bad = ':tensorflow:serving:request_count{model_name="tiny",status="INVALID_ARGUMENT"}'
    latency = ':tensorflow:serving:request_latency_count{model_name="tiny",API="%s",entrypoint="%s"}'
    before = page()
    for address in (server.grpc_address, server.rest_address):
        with Client(address, "tiny") as client:
            client.encode(images)
    for path in ("tiny", "unknown", "unknown" * 9):
        requests.post(f"{server.rest_address}/v1/models/{path}:predict", data=b"{}", timeout=300)
    after = page()
    names = [ok, bad, latency % ("Predict", "GRPC"), latency % ("predict", "REST")]
    assert [int(after[name]) - int(before.get(name, 0)) for name in names] == [2, 1, 1, 1]
    assert not any("unknown" in name for name in after)  # else clients could make the page grow
