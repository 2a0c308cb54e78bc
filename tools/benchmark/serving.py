"""How fast an encoder of the zoo answers: in this process with each runtime, and from the local server."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import zoo
from tfvae.export import SavedEncoder, export_onnx, export_tflite, onnx_runner, tflite_runner
from tfvae.files.markdown import Table
from tfvae.networks import vae as networks
from tools.benchmark.flops import forward_flops
from tools.benchmark.timing import alternate

MODEL = "factor_vae-dsprites"
CLIENTS = 32
# A server takes at most 64 images in a request; a client splits larger batches.
LARGEST = 64
# Turns by batch.
REPEATS = {1: 100, 8: 40, 64: 12, 512: 6}


def serving_table(quick: bool) -> Table:
    """Images per second and latencies of the encoder of Table 1, for several batch sizes.

    Raises:
        ImportError: without the extras `onnx` and `serving`.
    """
    from tfvae.serving import Client
    from tfvae.serving.local.server import LocalServer

    threads = tf.config.threading.get_intra_op_parallelism_threads() or None
    encoder = zoo.load_encoder(MODEL)
    flops = forward_flops(networks.encoder(encoder.image_shape, encoder.latent_dim))
    peak = _peak(256 if quick else 2048)
    clients = 2 if quick else CLIENTS
    rows = []
    with ExitStack() as stack:
        runtimes = _Runtimes(encoder, Path(stack.enter_context(TemporaryDirectory())), threads)
        server = stack.enter_context(LocalServer(zoo.saved_models()))
        many = [stack.enter_context(Client(server.grpc_address, MODEL)) for _ in range(clients)]
        pool = stack.enter_context(ThreadPoolExecutor(clients))
        crowd = f"local server, {clients} clients"
        for batch, repeats in ({1: 2, 8: 2} if quick else REPEATS).items():
            images = _images(batch, encoder.image_shape)
            latencies: list[float] = []
            cases = runtimes.cases(images) | {"local server, 1 client": partial(many[0].encode, images)}
            if batch <= LARGEST:
                cases[crowd] = partial(_at_once, pool, many, images, latencies)
            for name, timing in alternate(cases, repeats=repeats, settle=True).items():
                count = batch * (clients if name == crowd else 1)
                # Every second call of the crowd is timed.
                each = np.reshape(latencies, [-1, 2, clients])[-repeats:, 1] if name == crowd else timing.seconds
                half, most = 1e3 * np.quantile(each, [0.5, 0.99])
                share = 1e-7 * count * flops / float(timing.cpu_seconds.min()) / peak
                rows.append(
                    [name, batch, count / timing.median, float(half), float(most), count / timing.cpu, share],
                )
    return Table(
        f"Serving, encoder of {MODEL}, {'x'.join(map(str, encoder.image_shape))}, threads: {threads or 'all'}",
        ["what answers", "batch", "images/s", "p50 ms", "p99 ms", "images/CPU-s", "% of peak"],
        rows,
        [
            f"An image takes {1e-6 * flops:.1f} MFLOP; the peak is a product of two large float32 matrices, "
            f"{peak:.0f} GFLOP in a CPU-second here. The share is that of the turn that took the fewest CPU-seconds.",
            "Images a second are those of the median turn; images a CPU-second those of all threads of this process, "
            "which other work on the machine affects less. Latencies are those of a request. Inputs are arrays, unless "
            "it says tensor, and outputs are arrays.",
            f"The local server runs in this process, over gRPC, and so do its clients. They send {LARGEST} images a "
            "request at most, four at a time; their latency is that of the whole batch.",
        ],
    )


def _peak(size: int) -> float:
    """10^9 floating point operations in a CPU-second, of a product of two square matrices."""
    matrix = tf.random.stateless_uniform([size, size], [0, 0])
    timing = alternate({"product": lambda: tf.matmul(matrix, matrix)}, repeats=10)["product"]
    return 2e-9 * size**3 / float(timing.cpu_seconds.min())


class _Runtimes:
    """The encoder in this process, with each runtime."""

    def __init__(self, encoder: SavedEncoder, folder: Path, threads: int | None):
        examples = {"images": _images(4, encoder.image_shape)}
        export_tflite(encoder.path, folder / "encoder.tflite", examples)
        export_onnx(encoder.path, folder / "encoder.onnx", examples)
        self._tflite = tflite_runner(folder / "encoder.tflite", threads=threads)
        self._onnx = onnx_runner(folder / "encoder.onnx", threads=threads)
        # A signature refers to its variables weakly, so the loaded model is kept.
        self._loaded = tf.saved_model.load(str(encoder.path))

    def cases(self, images: np.ndarray) -> dict[str, Callable[[], Any]]:
        """Functions that encode the images, by name."""
        tensor = tf.constant(images)
        signature = self._loaded.signatures["serving_default"]
        return {
            "SavedModel": lambda: _arrays(signature(images=tf.constant(images))),
            "SavedModel, given a tensor": lambda: _arrays(signature(images=tensor)),
            "TFLite": lambda: self._tflite({"images": images}),
            "ONNX Runtime": lambda: self._onnx({"images": images}),
        }


def _arrays(outputs: dict[str, tf.Tensor]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in outputs.items()}


def _images(batch: int, image_shape: tuple[int, ...]) -> np.ndarray:
    """Random black and white images."""
    return (np.random.default_rng(0).random((batch, *image_shape)) > 0.7).astype(np.float32)


def _at_once(pool: ThreadPoolExecutor, clients: list[Any], images: np.ndarray, latencies: list[float]) -> None:
    """Each client sends the images once, all at the same time; how long each waited is added to `latencies`."""

    def request(client: Any) -> float:
        start = time.perf_counter()
        client.encode(images)
        return time.perf_counter() - start

    latencies.extend(pool.map(request, clients))
