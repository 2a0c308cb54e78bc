"""A local server of TensorFlow Serving's protocol, for tests and a first look. Not for production."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfvae.serving.deployment.configuration import model_server_config
from tfvae.serving.local.metrics import Metrics
from tfvae.serving.local.models import Models
from tfvae.serving.local.over_grpc import grpc_server
from tfvae.serving.local.over_rest import RestServer


class LocalServer:
    """Serves all models of a folder over gRPC and REST while its `with` block runs.

    It speaks the protocol of TensorFlow Serving in Python, without batching across requests and without TLS. It trusts
    the folder that it serves: a SavedModel is a program, which runs with the rights of the server's user. It does not
    trust what clients send, but anyone who can connect can use all models and keep the CPU busy. Serve users with
    tensorflow/serving.

    Args:
        saved_models: a folder of <name>/<version>/. Of each model the two newest versions that load are served. A
            version that appears is loaded, and takes over without a failed request: `canary` is the newest, and
            `stable` the one before it. A version with a manifest.json whose files differ is not loaded.
        host: who may connect; "127.0.0.1" is this machine alone, "0.0.0.0" anyone.
        grpc_port, rest_port: 0 takes a free port.
        poll_seconds: how often to look for new versions.
        limit: the largest request, in bytes.
        reload_config: whether clients may send a configuration of models (HandleReloadConfigRequest), of those inside
            the folder; it replaces what the folder says until the server ends.
        grace: how many seconds requests that have begun get to end when the block ends.
        report: gets a line of text for each version that is loaded or unloaded, or fails.

    Raises:
        ValueError: if the folder has no model.
        OSError: if a port is taken.
    """

    def __init__(
        self,
        saved_models: str | os.PathLike,
        *,
        host: str = "127.0.0.1",
        grpc_port: int = 0,
        rest_port: int = 0,
        poll_seconds: float = 1.0,
        limit: int = 64 * 2**20,
        reload_config: bool = False,
        grace: float = 30.0,
        report: Callable[[str], None] = lambda _: None,
    ):
        self._folder = Path(saved_models)
        self._last = self._read()
        self._poll_seconds = poll_seconds
        self._report = report
        self._grace = grace
        self.models = Models(self._configuration, report)
        self.models.poll()
        metrics = Metrics()
        self._grpc, grpc_port = grpc_server(
            self.models,
            metrics,
            f"{host}:{grpc_port}",
            limit=limit,
            workers=2 * (os.cpu_count() or 1),
            reload_from=self._folder if reload_config else None,
        )
        self._rest = RestServer(self.models, metrics, (host, rest_port), limit=limit)
        self.grpc_address = f"{host}:{grpc_port}"
        self.rest_address = f"http://{host}:{self._rest.server_port}"
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._rest.serve_forever, name="rest", daemon=True),
            threading.Thread(target=self._poll, name="versions", daemon=True),
        ]

    def __enter__(self) -> "LocalServer":
        self._grpc.start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        by_grpc = self._grpc.stop(self._grace)  # refuses new requests at once
        self._rest.shutdown()
        self._rest.drain(self._grace)
        by_grpc.wait()
        for thread in self._threads:
            thread.join()

    def _poll(self) -> None:
        while not self._stopped.wait(self._poll_seconds):
            try:
                self.models.poll()
            except Exception as error:  # such as a folder that is being replaced: look again later
                self._report(f"cannot look for new versions: {error}")

    def _read(self) -> ModelServerConfig:
        config = model_server_config(self._folder)
        for model in config.model_config_list.config:
            # Not the two newest folders, of which none may load.
            model.model_version_policy.latest.num_versions = 2
            model.ClearField("version_labels")
        return config

    def _configuration(self) -> ModelServerConfig:
        # If the folder is empty or missing for a moment, its models stay.
        try:
            self._last = self._read()
        except (ValueError, OSError) as error:
            self._report(f"keeping the models: {error}")
        return self._last
