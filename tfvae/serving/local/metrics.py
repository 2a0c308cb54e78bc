"""The metrics of TensorFlow Serving that a local server has too, as a page for Prometheus."""

import itertools
import threading
from bisect import bisect_left
from collections import Counter, defaultdict

REQUESTS = ":tensorflow:serving:request_count"
LATENCY = ":tensorflow:serving:request_latency"  # of answered requests, in microseconds

# The buckets of TensorFlow Serving (servables/tensorflow/util.cc).
_LIMITS = [10 * 1.8**i for i in range(33)]


class Metrics:
    """Counts requests by model and status, and the time of those that were answered; for calls from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._buckets: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * (len(_LIMITS) + 1))
        self._sums: dict[tuple[str, str, str], float] = defaultdict(float)

    def record(self, model: str, status: str, api: str, entrypoint: str, microseconds: float) -> None:
        """Adds a request.

        Args:
            model: its name. The page grows with each name, so it must be one of a served model.
            status: the name of a gRPC code; only the time of an "OK" counts.
            api, entrypoint: "Predict" by "GRPC", or "predict" by "REST".
            microseconds: from the request to its answer.
        """
        with self._lock:
            self._requests[model, status] += 1
            if status == "OK":
                self._buckets[model, api, entrypoint][bisect_left(_LIMITS, microseconds)] += 1
                self._sums[model, api, entrypoint] += microseconds

    def page(self) -> str:
        """The text format of Prometheus, with the names and labels of TensorFlow Serving (prometheus_exporter.cc)."""
        with self._lock:
            requests = sorted(self._requests.items())
            times = sorted((key, list(counts), self._sums[key]) for key, counts in self._buckets.items())
        lines = [f"# TYPE {REQUESTS} counter"]
        for (model, status), count in requests:
            lines.append(f"{REQUESTS}{{{_labels(model_name=model, status=status)}}} {count}")
        lines.append(f"# TYPE {LATENCY} histogram")
        for (model, api, entrypoint), counts, total in times:
            labels = _labels(model_name=model, API=api, entrypoint=entrypoint)
            limits = [*(f"{limit:g}" for limit in _LIMITS), "+Inf"]
            for limit, count in zip(limits, itertools.accumulate(counts), strict=True):
                lines.append(f'{LATENCY}_bucket{{{labels},le="{limit}"}} {count}')
            lines += [f"{LATENCY}_sum{{{labels}}} {total:.0f}", f"{LATENCY}_count{{{labels}}} {sum(counts)}"]
        return "\n".join(lines) + "\n"


def _labels(**values: str) -> str:
    escape = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    return ",".join(f'{key}="{value.translate(escape)}"' for key, value in values.items())
