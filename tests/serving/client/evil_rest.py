"""A REST server whose models lie, each in the way of its name; it writes HTTP by hand, right or wrong."""

import gzip
import json
import socketserver
import threading
from collections import Counter
from contextlib import contextmanager, suppress

import numpy as np

from tests.serving.client.evil_grpc import OVER, codes


def body(content, status="200 OK", headers=""):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(content)}\r\n\r\n".encode() + content


def chunked(*chunks, headers=""):
    return f"HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n".encode() + b"".join(chunks)


def outputs(change):
    """A lie about the outputs: a function of the honest ones, as lists."""
    return lambda honest: body({"outputs": change(honest)})


def mean(change):
    return outputs(lambda x: x | {"mean": change(x["mean"])})


def whole(content):
    return lambda honest: content


def forever(first, then, pause=0.0):
    """Sends something, and then something else again and again."""

    def send(honest):
        yield first
        while not OVER.wait(pause):
            yield then

    return send


def waiting(honest):
    yield b""
    OVER.wait(60)


def text_of_mean(text):
    return lambda honest: body(json.dumps({"outputs": honest}).replace(str(honest["mean"][0][1]), text, 1).encode())


def other_version_metadata():
    return body({"model_spec": {"version": "2"}, "metadata": {"signature_def": {"signature_def": {}}}})


ROWS = 2
# By name: the lie, and the code of the error.
LIES = {
    "html": (whole(body(b"<html>Log in</html>")), "INTERNAL"),
    "null": (whole(body(None)), "INTERNAL"),
    "list": (whole(body([1, 2])), "INTERNAL"),
    "number": (whole(body(1)), "INTERNAL"),
    "text": (whole(body("outputs")), "INTERNAL"),
    "nothing": (whole(body(b"")), "INTERNAL"),
    "binary": (whole(body(b"\xff\xfe\x00")), "INTERNAL"),
    "deep": (whole(body(b"[" * 60_000)), "INTERNAL"),
    "deep_codes": (mean(lambda x: json.loads("[" * 200 + "]" * 200)), "INTERNAL"),
    "error": (whole(body({"error": "no"})), "INTERNAL"),
    "predictions": (lambda honest: body({"predictions": honest}), "INTERNAL"),
    "null_outputs": (outputs(lambda x: None), "INTERNAL"),
    "unnamed": (outputs(lambda x: x["mean"]), "INTERNAL"),
    "none": (outputs(lambda x: {}), "INTERNAL"),
    "missing_name": (outputs(lambda x: {"mean": x["mean"]}), "INTERNAL"),
    "extra_name": (outputs(lambda x: x | {"z": x["mean"]}), "INTERNAL"),
    "fewer": (outputs(lambda x: {name: value[:-1] for name, value in x.items()}), "INTERNAL"),
    "more": (outputs(lambda x: {name: value * 2 for name, value in x.items()}), "INTERNAL"),
    "ragged": (mean(lambda x: [x[0], x[1][:1]]), "INTERNAL"),
    "ragged_rows": (mean(lambda x: [x[0], x[1][0]]), "INTERNAL"),
    "wider": (mean(lambda x: [row * 2 for row in x]), "INTERNAL"),
    "flat": (mean(lambda x: x[0]), "INTERNAL"),
    "null_in_codes": (text_of_mean("null"), "INTERNAL"),
    "text_in_codes": (text_of_mean('"1.5"'), "INTERNAL"),
    "true_in_codes": (text_of_mean("true"), "INTERNAL"),
    "object_in_codes": (text_of_mean("{}"), "INTERNAL"),
    "nan": (text_of_mean("NaN"), "INTERNAL"),
    "infinity": (text_of_mean("-Infinity"), "INTERNAL"),
    "too_large_for_float32": (text_of_mean("1e39"), "INTERNAL"),
    "integer_of_400_digits": (text_of_mean("1" + "0" * 400), "INTERNAL"),
    "integer_of_5000_digits": (text_of_mean("1" + "0" * 5_000), "INTERNAL"),
    "cut_off": (lambda honest: body({"outputs": honest})[:-5], "UNAVAILABLE"),
    "cut_off_headers": (whole(b"HTTP/1.1 200 OK\r\nContent-Le"), "UNAVAILABLE"),
    "bad_chunk": (whole(chunked(b"zz\r\n{}\r\n0\r\n\r\n")), "UNAVAILABLE"),
    "cut_off_chunk": (whole(chunked(b"ff\r\n{}")), "UNAVAILABLE"),
    "negative_length": (whole(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"), "UNAVAILABLE"),
    "bad_gzip": (whole(body(b"\x1f\x8bno", headers="Content-Encoding: gzip\r\n")), "INTERNAL"),
    "gzip_bomb": (whole(body(gzip.compress(b"[" * 50_000_000), headers="Content-Encoding: gzip\r\n")), "INTERNAL"),
    "unknown_encoding": (whole(body(b"{}", headers="Content-Encoding: x\r\n")), "INTERNAL"),
    "redirect_302": (whole(body(b"", "302 Found", "Location: /v1/models/honest\r\n")), "FAILED_PRECONDITION"),
    "redirect_307": (whole(body(b"", "307 Redirect", "Location: ftp://x/\r\n")), "FAILED_PRECONDITION"),
    "not_modified": (whole(body(b"", "304 Not Modified")), "FAILED_PRECONDITION"),
    "no_content": (whole(body(b"", "204 No Content")), "UNKNOWN"),
    "500": (whole(body(b"<html>" * 2_000, "500 Internal Server Error")), "UNKNOWN"),
    "503": (whole(body({"error": "busy"}, "503 Service Unavailable")), "UNAVAILABLE"),
    "400_null": (whole(body(None, "400 Bad Request")), "INVALID_ARGUMENT"),
    "400_deep": (whole(body(b"[" * 60_000, "400 Bad Request")), "INVALID_ARGUMENT"),
    "closes": (whole(b""), "UNAVAILABLE"),
    "not_http": (whole(b"SSH-2.0-OpenSSH\r\n"), "UNAVAILABLE"),
    "grpc": (whole(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00d"), "UNAVAILABLE"),
    "large_body": (forever(chunked(), b"10000\r\n" + b"[" * 65_536 + b"\r\n"), "RESOURCE_EXHAUSTED"),
    "large_length": (
        forever(b"HTTP/1.1 200 OK\r\nContent-Length: 420000000\r\n\r\n", b"[" * 65_536),
        "RESOURCE_EXHAUSTED",
    ),
    "large_header": (forever(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536), "UNAVAILABLE"),
    "many_headers": (forever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000), "UNAVAILABLE"),
    "silent": (waiting, "DEADLINE_EXCEEDED"),
    "drips": (forever(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"[", 0.1), "DEADLINE_EXCEEDED"),
    "drips_headers": (forever(b"HTTP/1.1 200 OK\r\n", b"X", 0.1), "DEADLINE_EXCEEDED"),
    "continues": (forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.1), "DEADLINE_EXCEEDED"),
    "metadata_not_implemented": (whole(body({"error": "no"}, "501 Not Implemented")), "INTERNAL"),
    "metadata_null": (whole(body(None)), "INTERNAL"),
    "metadata_html": (whole(body(b"<html>")), "INTERNAL"),
    "metadata_deep": (whole(body(b"[" * 60_000)), "INTERNAL"),
    "metadata_other_version": (lambda honest: other_version_metadata(), "INTERNAL"),
    "metadata_no_signature": (
        whole(body({"model_spec": {"version": "1"}, "metadata": {"signature_def": {"signature_def": {}}}})),
        "FAILED_PRECONDITION",
    ),
    "metadata_drips": (forever(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"[", 0.1), "DEADLINE_EXCEEDED"),
}


def output(width):
    return {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}, {"size": str(width)}]}}


METADATA = body(
    {
        "model_spec": {"name": "any", "version": "1"},
        "metadata": {
            "signature_def": {
                "signature_def": {"serving_default": {"outputs": {"mean": output(2), "log_variance": output(1)}}}
            }
        },
    },
    headers="Connection: close\r\n",  # a request on this connection would be lost, and not be counted
)


class Handler(socketserver.StreamRequestHandler):
    """Answers one request, and closes the connection."""

    def handle(self):
        if self.rfile.peek(3)[:3] == b"PRI":  # of gRPC
            self.wfile.write(body(b"", "400 Bad Request"))
            return
        lines = [line.strip() for line in iter(self.rfile.readline, b"\r\n")]
        length = next((int(line.split()[1]) for line in lines if line.lower().startswith(b"content-length")), 0)
        sent = self.rfile.read(length)
        _, path, _ = lines[0].decode().split()
        name = path.split("/")[3].partition(":")[0]
        lie, _ = LIES.get(name, (lambda honest: body({"outputs": honest}), None))
        if path.endswith(":predict"):
            self.server.asked[name] += 1
            images = np.array(json.loads(sent)["inputs"]["images"], np.float32)
            honest = {name: value.tolist() for name, value in codes(images).items()}
            answer = body({"outputs": honest}) if name.startswith("metadata") else lie(honest)
        else:
            answer = lie(None) if name.startswith("metadata") else METADATA
        with suppress(OSError):  # the client has enough
            for part in [answer] if isinstance(answer, bytes) else answer:
                self.wfile.write(part)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A client that disconnects is expected."""


@contextmanager
def served():
    """A server; yields its address and the server, which counts requests."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked = Counter()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", server
        finally:
            server.shutdown()
            thread.join()
