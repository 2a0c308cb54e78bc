"""Serves the zoo's encoders on this machine, over TensorFlow Serving's gRPC and REST protocols. Not for production.

  tfvae serve
  curl http://localhost:8501/v1/models/factor_vae-dsprites

A version that appears in the folder takes over without a failed request. This is for tests and a first look. For
users, run tensorflow/serving with the files that tfvae deploy writes.

Whom it trusts: the folder that it serves, because a SavedModel is a program and runs with your rights; a version whose
files are not those of its manifest.json is not loaded. It checks what clients send, but knows no users and no TLS:
whoever can connect can use all models. With --allow_reload_config, they can also choose which of the folder's models
are served. SIGTERM and Ctrl-C end it after the requests that have begun, within 30 seconds.
"""

import signal
import time
from collections.abc import Sequence
from contextlib import suppress

from absl import flags

INTERRUPTED = "Stopped."

SAVED_MODELS = flags.DEFINE_string("saved_models", None, "A folder of <name>/<version>/, by default the zoo's.")
HOST = flags.DEFINE_string("host", "127.0.0.1", "Who may connect: 127.0.0.1 is this machine, 0.0.0.0 anyone.")
GRPC_PORT = flags.DEFINE_integer("grpc_port", 8500, "The port for gRPC; 0 takes a free one.")
REST_PORT = flags.DEFINE_integer("rest_port", 8501, "The port for REST; 0 takes a free one.")
RELOAD = flags.DEFINE_boolean(
    "allow_reload_config", False, "Whether clients may choose which of the folder's models are served."
)
POLL_SECONDS = flags.DEFINE_float("poll_seconds", 1.0, "How often to look for new versions.", lower_bound=0.01)
LIMIT_MB = flags.DEFINE_integer("limit_mb", 64, "The largest request, in MiB.", lower_bound=1, upper_bound=2047)


def main(argv: Sequence[str]) -> None:
    import tensorflow as tf

    from tfvae import zoo
    from tfvae.serving.local.server import LocalServer

    tf.get_logger().setLevel("ERROR")  # the Session loader is TensorFlow Serving's, and deprecated
    server = LocalServer(
        SAVED_MODELS.value or zoo.saved_models(),
        host=HOST.value,
        grpc_port=GRPC_PORT.value,
        rest_port=REST_PORT.value,
        poll_seconds=POLL_SECONDS.value,
        limit=LIMIT_MB.value * 2**20,
        reload_config=RELOAD.value,
        report=lambda line: print(line, flush=True),
    )
    with server, suppress(_Terminated):
        signal.signal(signal.SIGTERM, _terminate)
        print(f"gRPC {server.grpc_address}, REST {server.rest_address}/v1/models/<name>", flush=True)
        print("A local server, not for production: no batching, no TLS. Ctrl-C ends it.", flush=True)
        while True:
            time.sleep(0.1)  # not longer: the system may hand a signal to another thread, which does not end the sleep
    print(INTERRUPTED, flush=True)


class _Terminated(BaseException):
    """SIGTERM has come."""


def _terminate(*_: object) -> None:
    # An exception, as setting a threading.Event would wait for ever if this thread were just beginning to wait for it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated
