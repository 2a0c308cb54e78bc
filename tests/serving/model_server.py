"""TensorFlow Serving itself, run on the files that tfvae deploy writes."""

import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import yaml
from google.protobuf import text_format

from tests.ports import free_ports
from tfvae.serving.deployment.configuration import model_server_config, write_configuration

TEMPLATES = Path(__file__).parents[2] / "tfvae" / "serving" / "deployment" / "templates"


@contextmanager
def tensorflow_serving(binary, saved_models, folder):
    """Starts the binary with the flags of compose.yaml; yields its addresses of gRPC and REST.

    Args:
        saved_models: the folder of models.
        folder: for the configuration and the log; `configure` writes the configuration again.
    """
    write_configuration(saved_models, folder)
    configure(saved_models, folder)
    ports = free_ports(2)
    flags = yaml.safe_load((folder / "compose.yaml").read_text())["services"]["encoders"]["command"]
    flags = [flag.replace("/config/", f"{folder}/") for flag in flags]
    log = folder / "log"
    with log.open("w") as out:
        command = [binary, f"--port={ports[0]}", f"--rest_api_port={ports[1]}", *flags]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 600
        while not all(_is_open(port) for port in ports):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.2)
        yield f"127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    finally:
        process.terminate()
        process.wait()


def configure(saved_models, folder):
    """Writes models.config for a server outside of a container: it sees the models where they are."""
    (folder / "models.config").write_text(text_format.MessageToString(model_server_config(saved_models)))


def _is_open(port):
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
