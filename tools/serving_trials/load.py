"""Many clients at once, and the results of their requests: how a server copes with load, and with a new version."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

import numpy as np
from tensorflow_serving.apis.model_pb2 import ModelSpec

from tfvae.serving.client.over_grpc import Grpc
from tfvae.serving.errors import ServingError


@dataclass(frozen=True)
class Load:
    """The results of the requests of all clients.

    Args:
        versions: how many requests each version answered.
        failures: how many requests failed, by error.
        seconds: the time of each answered request, float [requests].
    """

    versions: Counter[int]
    failures: Counter[str]
    seconds: np.ndarray

    def __str__(self) -> str:
        p50, p99, most = 1000 * np.quantile(self.seconds, [0.5, 0.99, 1]) if len(self.seconds) else [np.nan] * 3
        by_version = ", ".join(f"version {number}: {count}" for number, count in sorted(self.versions.items()))
        failed = "".join(f"\n  {count} x {error}" for error, count in self.failures.items())
        return (
            f"{self.versions.total()} requests answered ({by_version}), {self.failures.total()} failed; "
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {most:.1f} ms{failed}"
        )


def load(address: str, model: str, images: np.ndarray, *, clients: int, until: Event) -> Load:
    """Sends the same images again and again, from clients that each wait for an answer before the next request.

    Nothing is retried: an error after which a `Client` would retry counts as a failure.

    Args:
        address: "host:port" of gRPC.
        model: an encoder; its newest version answers.
        images: float32 [B, H, W, C] in [0, 1].
        clients: their number; each has a connection of its own.
        until: the clients stop when it is set.
    """
    spec = ModelSpec(name=model, signature_name="serving_default")

    def ask() -> tuple[Counter[int], Counter[str], list[float]]:
        versions, failures, seconds = Counter[int](), Counter[str](), []
        connection = Grpc(address)
        while not until.is_set():
            begin = time.perf_counter()
            try:
                version, _ = connection.predict(spec, {"images": images}, timeout=300)
            except ServingError as error:
                failures[str(error)] += 1
            else:
                versions[version or 0] += 1
                seconds.append(time.perf_counter() - begin)
        connection.close()
        return versions, failures, seconds

    with ThreadPoolExecutor(clients) as pool:
        found = [future.result() for future in [pool.submit(ask) for _ in range(clients)]]
    return Load(
        sum((versions for versions, _, _ in found), Counter()),
        sum((failures for _, failures, _ in found), Counter()),
        np.array([value for _, _, seconds in found for value in seconds]),
    )
