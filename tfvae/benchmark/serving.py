"""How fast the zoo's encoder answers: in this process by each runtime, and from the local server."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tensorflow as tf

from tfvae import networks, zoo
from tfvae.benchmark.flops import forward_flops
from tfvae.benchmark.table import Table
from tfvae.benchmark.timing import alternate, matrix_peak
from tfvae.export import export_onnx, export_tflite, onnx_runner, tflite_runner

MODEL = "factor_vae-dsprites"
CLIENTS = 32
# A server takes requests of 64 images at most; a client cuts larger batches.
LARGEST = 64
# Turns by batch.
REPEATS = {1: 100, 8: 40, 64: 12, 512: 6}


def serving_table(quick: bool) -> Table:
    """Images a second and latencies of the encoder of Table 1 at several batches, arrays in and arrays out.

    Raises:
        ImportError: without the extras `onnx` and `serving`.
    """
    from tfvae.serving import Client
    from tfvae.serving.server import LocalServer

    threads = tf.config.threading.get_intra_op_parallelism_threads() or None
    encoder = zoo.load_encoder(MODEL)
    flops = forward_flops(networks.encoder(encoder.image_shape, encoder.latent_dim))
    peak = matrix_peak(256 if quick else 2048)
    clients = 2 if quick else CLIENTS
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        runtimes = _runtimes(encoder.path, folder, encoder.image_shape, threads)
        server = stack.enter_context(LocalServer(zoo.saved_models()))
        many = [stack.enter_context(Client(server.grpc_address, MODEL)) for _ in range(clients)]
        pool = stack.enter_context(ThreadPoolExecutor(clients))
        for batch, repeats in ({1: 2, 8: 2} if quick else REPEATS).items():
            images = _images(batch, encoder.image_shape)
            cases: dict[str, Callable] = {name: partial(runtime, images) for name, runtime in runtimes.items()}
            cases["local server, 1 client"] = partial(many[0].encode, images)
            latencies: list[float] = []
            crowd = f"local server, {clients} clients"
            if batch <= LARGEST:
                cases[crowd] = partial(_at_once, pool, many, images, latencies)
            timings = alternate(cases, repeats=repeats)
            for name, timing in timings.items():
                requests = clients if name == crowd else 1
                each = np.array(latencies[-repeats * clients :]) if name == crowd else timing.seconds
                rows.append(
                    [
                        name,
                        batch,
                        requests * batch / timing.median,
                        1e3 * float(np.median(each)),
                        1e3 * float(np.quantile(each, 0.99)),
                        requests * batch / timing.cpu,
                        1e-7 * requests * batch * flops / timing.minimum / peak,
                    ]
                )
    return Table(
        f"Serving, encoder of {MODEL}, {'x'.join(map(str, encoder.image_shape))}, threads: {threads or 'all'}",
        ["what answers", "batch", "images/s", "p50 ms", "p99 ms", "images/CPU-s", "% of peak"],
        rows,
        [
            f"An image takes {1e-6 * flops:.1f} MFLOP; the peak is a product of two large float32 matrices, which "
            f"reaches {peak:.0f} GFLOP/s here. The share is that of the fastest turn.",
            "Images a second are those of the median turn; images a CPU-second those of all threads of this process, "
            "which other work on the machine disturbs less. Latencies are those of a request.",
            f"The local server runs in this process, over gRPC, and so do its clients. They send {LARGEST} images a "
            "request at most, four under way; their latency is that of the whole batch.",
        ],
    )


def _runtimes(
    saved_model: Path, folder: Path, image_shape: tuple[int, int, int], threads: int | None
) -> dict[str, Callable[[np.ndarray], dict[str, np.ndarray]]]:
    """By name, functions of float32 images [B, H, W, C]."""
    examples = {"images": _images(4, image_shape)}
    export_tflite(saved_model, folder / "encoder.tflite", examples)
    export_onnx(saved_model, folder / "encoder.onnx", examples)
    tflite = tflite_runner(folder / "encoder.tflite", threads=threads)
    onnx = onnx_runner(folder / "encoder.onnx", threads=threads)
    loaded = tf.saved_model.load(str(saved_model))
    signature = loaded.signatures["serving_default"]

    def run(images: np.ndarray, tensor: Callable[[np.ndarray], tf.Tensor], kept: object = loaded) -> dict:
        # `kept`: a signature holds its variables weakly.
        return {name: value.numpy() for name, value in signature(images=tensor(images)).items()}

    return {
        "SavedModel": partial(run, tensor=tf.constant),
        "TFLite": lambda images: tflite({"images": images}),
        "ONNX Runtime": lambda images: onnx({"images": images}),
    }


def _images(batch: int, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Black and white ones."""
    return (np.random.default_rng(0).random((batch, *image_shape)) > 0.7).astype(np.float32)


def _at_once(pool: ThreadPoolExecutor, clients: list, images: np.ndarray, latencies: list[float]) -> None:
    """Each client sends the images once, all at the same time; how long each waited is added to `latencies`."""

    def request(client: object) -> float:
        start = time.perf_counter()
        client.encode(images)  # type: ignore[attr-defined]
        return time.perf_counter() - start

    latencies.extend(pool.map(request, clients))
