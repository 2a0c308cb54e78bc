"""Tests an encoder at a running server: TensorFlow Serving, or tfvae serve.

python -m tools.serving_trials bad_requests                          # a table of the answer to each
python -m tools.serving_trials random_bytes --count=10000 --pid=PID  # the answers, and the server's memory
python -m tools.serving_trials speed --count=10000                   # images a second
python -m tools.serving_trials load --seconds=30                     # meanwhile, add a new version
python -m tools.serving_trials swap --seconds=30                     # a server here, and versions good and broken
"""

import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from tfvae import data, zoo
from tfvae.cli import start  # before anything that imports TensorFlow
from tfvae.files import markdown
from tfvae.serving import Client
from tfvae.serving.local.server import LocalServer
from tools import serving_trials as trials

ARGUMENTS = "a trial"
GRPC = flags.DEFINE_string("grpc", "localhost:8500", "The server's address for gRPC.")
REST = flags.DEFINE_string("rest", "http://localhost:8501", "The server's address for REST.")
MODEL = flags.DEFINE_string("model", "factor_vae-dsprites", "The encoder that is asked.")
DATA = flags.DEFINE_string("data", None, "The images to send; by default those that the model was trained on.")
COUNT = flags.DEFINE_integer("count", 1000, "How many random strings, or images.", lower_bound=1)
PID = flags.DEFINE_integer("pid", None, "The server's process on this machine, to show its memory.")
CLIENTS = flags.DEFINE_integer("clients", 8, "The number of clients at once.", lower_bound=1)
SECONDS = flags.DEFINE_float("seconds", 30, "How long they send requests.", lower_bound=0.1)
LIMIT_MB = flags.DEFINE_integer("limit_mb", 64, "The largest request that the server takes, in MiB.", lower_bound=1)


def bad_requests(client: Client) -> None:
    todo = trials.bad_requests(trials.image_shape(client), LIMIT_MB.value * 2**20)
    print(markdown.head(["request", "gRPC", "REST", "message"]))
    for bad, answer in trials.answers(GRPC.value, REST.value, MODEL.value, todo):
        by_grpc, by_rest = answer.grpc or ("", ""), answer.rest or ("", "")
        message, _, _ = (by_grpc[1] or by_rest[1]).removeprefix("Graph execution error:").partition("[[{{node")
        print(markdown.row([bad.name, by_grpc[0], by_rest[0], " ".join(message.split())]), flush=True)
    print("After each of them, the server answered a good request.")


def random_bytes(client: Client) -> None:
    pictures = [trials.picture(form, (64, 64)) for form in ("PNG", "JPEG")]
    kinds = {
        "random": trials.random_strings(COUNT.value),
        "mutated pictures": trials.mutated_pictures(pictures, max(COUNT.value // 10, 1)),
    }
    for kind, strings in kinds.items():
        total: Counter[str] = Counter()
        print(f"{kind}: 0 sent{_memory()}", flush=True)
        while counts := trials.sent(client, islice(strings, 1000)):
            total += counts
            print(f"{kind}: {total.total()} sent, {dict(total)}{_memory()}", flush=True)


def speed(client: Client) -> None:
    sent = data.load(DATA.value or zoo.load_experiment(MODEL.value).data)
    pixels = sent.images(np.random.default_rng(0).choice(len(sent), COUNT.value))
    files = [tf.io.encode_png(image).numpy() for image in pixels]
    with Client(REST.value, MODEL.value) as rest:
        for name, by, images in (
            ("gRPC, pixels", client, pixels),
            ("gRPC, PNG", client, files),
            ("REST, PNG", rest, files),
        ):
            by.encode(images[:64])
            begin = time.perf_counter()
            by.encode(images)
            seconds = time.perf_counter() - begin
            print(f"{name}: {len(images)} images in {seconds:.1f} s, {len(images) / seconds:.0f} a second", flush=True)


def load(client: Client) -> None:
    finished = threading.Event()
    threading.Timer(SECONDS.value, finished.set).start()
    images = np.zeros((1, *trials.image_shape(client)), np.float32)
    print(f"{CLIENTS.value} clients send requests for {SECONDS.value:.0f} s", flush=True)
    print(trials.load(GRPC.value, MODEL.value, images, clients=CLIENTS.value, until=finished))


def swap(client: Client) -> None:
    """Starts a server of its own, and puts versions into its folder while clients send requests."""
    with tempfile.TemporaryDirectory() as scratch:
        exported = zoo.load_encoder(MODEL.value).path
        folder = Path(scratch, MODEL.value)
        shutil.copytree(exported, folder / "1")
        with LocalServer(scratch, poll_seconds=0.1) as server, Client(server.grpc_address, MODEL.value) as own:
            finished, put = threading.Event(), Counter[str]()

            def put_in() -> None:
                end = time.monotonic() + SECONDS.value
                for number, kind, good in trials.put_versions(exported, folder, first=2, pause=0.05):
                    put[kind] += 1
                    while good and own.status().get(number) != "AVAILABLE":
                        time.sleep(0.05)
                    if time.monotonic() > end:
                        break
                finished.set()

            threading.Thread(target=put_in).start()
            images = np.zeros((1, *trials.image_shape(own)), np.float32)
            print(trials.load(server.grpc_address, MODEL.value, images, clients=CLIENTS.value, until=finished))
            print(f"versions put: {dict(put)}")


def _memory() -> str:
    if PID.value is None:
        return ""
    (line,) = (x for x in Path(f"/proc/{PID.value}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return f"; the server has {int(line.split()[1]) / 1024:.0f} MiB"


TRIALS = {trial.__name__: trial for trial in (bad_requests, random_bytes, speed, load, swap)}


def main(argv: Sequence[str]) -> None:
    if argv[1] not in TRIALS:
        raise ValueError(f"Expected one of {list(TRIALS)}. Received: {argv[1]}")
    with Client(GRPC.value, MODEL.value) as client:
        TRIALS[argv[1]](client)


if __name__ == "__main__":
    start.run(sys.modules[__name__])
