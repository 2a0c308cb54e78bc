import re
import signal
import socket
import time

import pytest

pytest.importorskip("tensorflow_serving")

from tests.processes import Command
from tests.serving.conftest import write_version

BODY = b'{"instances": [[[[0], [0], [0]], [[0], [0], [0]]]]}'


def accepts(address):
    try:
        socket.create_connection(address).close()
    except ConnectionError:
        return False
    return True


def test_sigterm_answers_the_requests_that_have_begun(tmp_path):
    (tmp_path / "tiny").mkdir()
    write_version(tmp_path / "tiny" / "1", 0)
    flags = [f"--saved_models={tmp_path}", "--grpc_port=0", "--rest_port=0"]
    server = Command("tfvae.cli", "serve", *flags)
    try:
        while server.is_alive() and (begun := server.printed()).count("\n") < 3:
            time.sleep(0.05)
        address = ("127.0.0.1", int(re.search(r"REST http://127.0.0.1:(\d+)", begun)[1]))
        with socket.create_connection(address, timeout=300) as connection:
            head = b"POST /v1/models/tiny:predict HTTP/1.1\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
            connection.sendall(head % len(BODY))
            assert connection.recv(2**16) == b"HTTP/1.1 100 Continue\r\n\r\n"  # so it has begun
            connection.sendall(BODY[:10])
            server.send_signal(signal.SIGTERM)
            while accepts(address):
                pass
            connection.sendall(BODY[10:])
            answer = b"".join(iter(lambda: connection.recv(2**16), b""))
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert server.communicate() == [f"{begun}Stopped.\n", ""]
        assert server.returncode == 0
    finally:
        server.kill()
