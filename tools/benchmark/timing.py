"""Comparable times: the callables take turns, so that other work on the machine affects all of them equally."""

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

_PAUSE = 0.02  # seconds


@dataclass(frozen=True)
class Took:
    """What a call reports whose work is done in another process: seconds by the clock, and of CPU time."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Timing:
    """The times of one callable.

    Args:
        seconds: float64 [N], by the clock, one a call.
        cpu_seconds: float64 [N], of all threads of this process.
    """

    seconds: np.ndarray
    cpu_seconds: np.ndarray

    @property
    def median(self) -> float:
        """Seconds."""
        return float(np.median(self.seconds))

    @property
    def minimum(self) -> float:
        """Seconds. On a machine with other work, this is closest to the time of the call alone."""
        return float(self.seconds.min())

    @property
    def p99(self) -> float:
        """Seconds; 99 of 100 calls take at most as long."""
        return float(np.quantile(self.seconds, 0.99))

    @property
    def cpu(self) -> float:
        """The median CPU time, in seconds."""
        return float(np.median(self.cpu_seconds))


def alternate(
    callables: Mapping[str, Callable[[], Any]], *, repeats: int = 20, warmup: int = 3, settle: bool = False
) -> dict[str, Timing]:
    """Times several callables in turns, each once per turn, in a random order that changes with each turn.

    In a fixed order, each would always run after the same other one, and find the caches as that one leaves them.

    Args:
        callables: by name; each call does one unit of work, and returns when it is done: a tensor that it returns is
            waited for. If a call returns what it `Took`, that is its time.
        repeats: N, how many times of each are kept, at least 1.
        warmup: how many calls of each are made before, and not kept.
        settle: whether to wait a moment before each timed call, and to make one more call without timing it. This is
            for callables with threads of their own: after a call these look for work for a while, and would take a core
            from the next callable; and when their own turn comes, they sleep.

    Returns:
        The times of each, by name.

    Raises:
        ValueError: when there is nothing to time.
    """
    if not callables or repeats < 1 or warmup < 0:
        raise ValueError(
            "Expected callables, repeats of at least 1, and warmup of at least 0. "
            f"Received: callables={list(callables)}, repeats={repeats}, warmup={warmup}"
        )
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in callables}
    order, rng = list(callables), random.Random(0)
    for turn in range(warmup + repeats):
        rng.shuffle(order)
        for name in order:
            function = callables[name]
            if settle:
                time.sleep(_PAUSE)
                _wait_for(function())
            clock, cpu = time.perf_counter(), time.process_time()
            result = function()
            _wait_for(result)
            seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu
            if isinstance(result, Took):
                seconds, cpu_seconds = result.seconds, result.cpu_seconds
            if turn >= warmup:
                times[name].append((seconds, cpu_seconds))
    return {name: Timing(*np.array(each).T) for name, each in times.items()}


def matrix_peak(size: int = 2048, repeats: int = 10, *, of_core: bool = False) -> float:
    """The speed of this machine in a product of two large float32 matrices: 10^9 floating point operations a second.

    It is the best of the repeats, with the threads that TensorFlow has now.

    Args:
        size: rows and columns of the square matrices.
        repeats: how many products are timed.
        of_core: by CPU time instead of the clock, so that other work on the machine hardly counts: the peak of one
            core. It has no meaning where a GPU does the work.
    """
    matrix = tf.random.stateless_uniform([size, size], [0, 0])
    product = tf.function(lambda: tf.matmul(matrix, matrix), autograph=False)
    timing = alternate({"product": product}, repeats=repeats)["product"]
    return 2e-9 * size**3 / (float(timing.cpu_seconds.min()) if of_core else timing.minimum)


def threads() -> int:
    """How many threads an operation of TensorFlow may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return tf.config.threading.get_intra_op_parallelism_threads() or cores


def _wait_for(result: Any) -> None:
    # On a GPU, an operation returns before it is done.
    for tensor in tf.nest.flatten(result):
        if isinstance(tensor, tf.Tensor):
            tensor.numpy()
