"""Metrics of codes, beside the files of disentanglement_lib where a folder of them is given."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.data.factors import FactorSpace
from tfvae.files.markdown import Table
from tfvae.metrics import METRICS
from tfvae.metrics.scoring import Labelled
from tools.benchmark.timing import Took, alternate

_SIZES = 3, 6, 40, 32, 32  # of the factors of dSprites
_SCRIPT = Path(__file__).with_name("peer_metrics.py")
# disentanglement_lib's published numbers, by the names of its arguments, and the same for ours.
_NUMBERS = {
    "num_train": 10_000,
    "num_eval": 5_000,
    "num_test": 5_000,
    "num_variance_estimate": 10_000,
    "batch_size": 64,
    "num_bins": 20,
    "continuous_factors": False,
}
_OURS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "beta_vae": lambda n: {"pairs": n["batch_size"], "train": n["num_train"], "evaluation": n["num_eval"]},
    "factor_vae": lambda n: {
        "votes": n["num_train"],
        "evaluation_votes": n["num_eval"],
        "batch": n["batch_size"],
        "scale_samples": n["num_variance_estimate"],
    },
    "mig": lambda n: {"samples": n["num_train"]},
    "dci": lambda n: {"train": n["num_train"], "test": n["num_test"]},
    "sap": lambda n: {"train": n["num_train"], "test": n["num_test"]},
    "modularity": lambda n: {"samples": n["num_train"]},
    "explicitness": lambda n: {"train": n["num_train"], "test": n["num_test"]},
    "irs": lambda n: {"samples": n["num_train"]},
    "total_correlation": lambda n: {"samples": n["num_train"]},
    "wasserstein_correlation": lambda n: {"samples": n["num_train"]},
    "mutual_information": lambda n: {"samples": n["num_train"]},
}
_SLOW = "dci", "beta_vae"
# What one function of disentanglement_lib computes.
_GROUPS = (
    "beta_vae",
    "factor_vae",
    "mig",
    "dci",
    "sap",
    "modularity, explicitness",
    "irs",
    "total_correlation, wasserstein_correlation, mutual_information",
)


def metrics_table(quick: bool, peer: str | None = None) -> Table:
    """CPU seconds of each metric for one draw of the published size, and with our defaults, which have several draws.

    Args:
        quick: few codes and draws.
        peer: a folder that has disentanglement_lib/evaluation.
    """
    sizes = (3, 4, 5) if quick else _SIZES
    numbers = {**_NUMBERS, **({"num_train": 200, "num_eval": 100, "num_test": 100} if quick else {})}
    codes = _codes(sizes)
    data = Labelled(FactorSpace(tuple(f"factor_{k}" for k in range(len(sizes))), tuple(map(np.arange, sizes))))
    known = Codes.from_arrays(data, codes)
    rows: list[list[object]] = []
    with _one_core(), _peer(peer, codes, sizes, numbers) as of_peer:
        for group in _GROUPS:
            scores: dict[str, list[float]] = {}
            calls = {"ours": partial(_ours, group, known, numbers, scores)}
            if not quick:
                calls["default"] = partial(_ours, group, known, None, {})
            if of_peer is not None:
                calls["peer"] = partial(of_peer, group, scores)
            timings = alternate(calls, repeats=1 if quick or group in _SLOW else 3, warmup=0)
            cpu = {name: 1e3 * timing.cpu for name, timing in timings.items()}
            ratio = cpu["peer"] / cpu["ours"] if of_peer else None
            shown = [", ".join(f"{score:.3f}" for score in scores.get(name, ())) or None for name in ("ours", "peer")]
            rows.append([group, cpu["ours"], cpu.get("default"), cpu.get("peer"), ratio, *shown])
    columns = ["metric", "CPU ms a draw", "CPU ms by default", "disentanglement_lib: CPU ms", "times ours"]
    notes = [
        f"Codes of {int(np.prod(sizes)):,} images, D = {codes.shape[1]}: their factors, scaled, rotated a little, and "
        "noise in the other latents. A draw has the published numbers of images, votes and points. All on one core, "
        "in turns. Scores differ by their draws."
    ]
    return Table("Metrics", [*columns, "our scores", "its scores"], rows, notes)


def _codes(sizes: tuple[int, ...]) -> np.ndarray:
    """Factors as latents of unlike scales, rotated by a tenth of a radian in pairs, and as many latents of noise."""
    rng = np.random.default_rng(0)
    factors = np.indices(sizes).reshape(len(sizes), -1).T / np.array(sizes)
    codes = np.hstack([factors - factors.mean(axis=0), 0.1 * rng.normal(size=factors.shape)])
    for first in range(0, len(sizes) - 1, 2):
        one, two = codes[:, first].copy(), codes[:, first + 1].copy()
        codes[:, first] = np.cos(0.1) * one - np.sin(0.1) * two
        codes[:, first + 1] = np.sin(0.1) * one + np.cos(0.1) * two
    return codes.astype(np.float32)


def _ours(group: str, codes: Codes, numbers: dict[str, Any] | None, scores: dict[str, list[float]]) -> Took:
    """What one draw with these numbers takes, or a call by default."""
    draws = 1 if numbers is None else 2  # the fewest that metrics take
    scores["ours"] = []
    clock, cpu = time.perf_counter(), time.process_time()
    for name in group.split(", "):
        parameters = {} if numbers is None else {**_OURS[name](numbers), "repeats": draws}
        result = METRICS[name].function(codes, np.random.default_rng(0), **parameters)
        scores["ours"].append(result["score"])
    return Took((time.perf_counter() - clock) / draws, (time.process_time() - cpu) / draws)


@contextmanager
def _peer(
    folder: str | None, codes: np.ndarray, sizes: tuple[int, ...], numbers: dict[str, Any]
) -> Iterator[Callable[[str, dict[str, list[float]]], Took] | None]:
    """A function that computes a group of metrics by the files in a folder, and returns what that took."""
    if folder is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as temporary:
        arrays, values = Path(temporary) / "codes.npz", Path(temporary) / "numbers.json"
        np.savez(arrays, codes=codes, sizes=sizes)
        values.write_text(json.dumps(numbers))
        command = [sys.executable, str(_SCRIPT), folder, str(arrays), str(values)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            requests, replies = process.stdin, process.stdout

            def compute(group: str, scores: dict[str, list[float]]) -> Took:
                requests.write(f"{group}\n")
                requests.flush()
                seconds, cpu, scores["peer"] = json.loads(replies.readline())
                return Took(seconds, cpu)

            if replies.readline().strip() != "ready":
                raise OSError(
                    "Expected a folder that has disentanglement_lib/evaluation; its message is above. "
                    f"Received: {folder}"
                )
            yield compute
            requests.close()


@contextmanager
def _one_core() -> Iterator[None]:
    """While the block runs, this process and those that it starts have one core, where the system can say so."""
    if sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
