import re
import signal
import socket
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow_serving")

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
    command = [sys.executable, "-m", "tfvae.cli", "serve", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            lines = [server.stdout.readline() for _ in range(3)]
            address = ("127.0.0.1", int(re.search(r"REST http://127.0.0.1:(\d+)", lines[1])[1]))
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
            assert server.wait(300) == 0
            assert (server.stdout.read(), server.stderr.read()) == ("Stopped.\n", "")
        finally:
            server.kill()
