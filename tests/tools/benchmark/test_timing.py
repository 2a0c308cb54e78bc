import time

import numpy as np
import pytest
import tensorflow as tf

from tools.benchmark.timing import Timing, alternate, matrix_peak


def test_callables_take_turns_and_the_first_turns_are_not_kept():
    calls = []
    timings = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=3, warmup=2)
    assert [sorted(turn) for turn in zip(calls[::2], calls[1::2], strict=True)] == [["a", "b"]] * 5
    assert calls[::2] != ["a"] * 5  # in an order that changes
    assert [len(timings[name].seconds) for name in "ab"] == [3, 3]


def test_with_settle_a_call_is_made_twice_and_timed_once():
    calls = []
    timings = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=2, settle=True)
    assert all(first == second for first, second in zip(calls[::2], calls[1::2], strict=True))
    assert len(calls) == 2 * 2 * (2 + 3)
    assert len(timings["a"].seconds) == 2


def test_a_call_is_timed_by_the_clock_and_in_cpu_time():
    timing = alternate({"sleep": lambda: time.sleep(0.05)}, repeats=2, warmup=0)["sleep"]
    assert timing.minimum >= 0.05
    assert timing.cpu < timing.minimum  # sleeping takes no CPU time


def test_a_call_ends_when_its_tensors_are_there():
    class Late(tf.Tensor):
        def __init__(self):
            self.waited = False

        def numpy(self):
            self.waited = True

    late = Late()
    alternate({"late": lambda: {"loss": late}}, repeats=1, warmup=0)
    assert late.waited


def test_statistics_are_those_of_numpy():
    seconds = np.random.default_rng(0).random(1000)
    timing = Timing(seconds, 2 * seconds)
    assert timing.minimum <= timing.median <= timing.p99 <= seconds.max()
    assert np.mean(seconds <= timing.p99) == pytest.approx(0.99, abs=0.002)
    assert timing.cpu == pytest.approx(2 * timing.median)


def test_the_peak_is_work_divided_by_time():
    # Every machine reaches a thousandth of a GFLOP/s, and none that runs the tests a million.
    assert 1e-3 < matrix_peak(64, repeats=2) < 1e6


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"warmup": -1}, {"callables": {}}], ids=str)
def test_having_nothing_to_time_is_an_error(wrong):
    with pytest.raises(ValueError, match="Expected callables, repeats of at least 1"):
        alternate(**({"callables": {"a": int}} | wrong))
