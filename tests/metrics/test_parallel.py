import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tests.metrics.reference import grid
from tfvae.analysis.sensitivity import sensitivity
from tfvae.codes import Codes
from tfvae.metrics import METRICS, Metric, score
from tfvae.metrics.parallel import side_by_side


def threads_of_blas(*_):
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_linear_algebra_has_one_thread_in_tasks_and_in_metrics_and_as_many_as_before_elsewhere(monkeypatch):
    seen = []

    def metric(codes, rng, width=1, depth=1):
        seen.append(threads_of_blas())
        return {"score": 0.5, "standard_error": 0.0}

    monkeypatch.setitem(METRICS, "own", Metric(metric, quick={}))
    with threadpool_limits(limits=2, user_api="blas"):
        score(np.eye(4), np.eye(4), metrics=["mig", "own"])
        sensitivity(Codes.from_arrays(grid((2, 2)), np.eye(4)), "own", {"width": [1], "depth": [1]}, seeds=2)
        seen += side_by_side(threads_of_blas, range(2))
        assert threads_of_blas() == {2}
    assert seen == [{1}] * 5


def test_results_are_in_order_and_from_threads():
    assert side_by_side(lambda item: item**2, range(20)) == [item**2 for item in range(20)]
    main = threading.get_ident()
    seen = side_by_side(lambda item: threading.active_count(), range(4))
    assert threading.get_ident() == main
    assert len(seen) == 4


def test_an_error_reaches_the_caller():
    def fail(item):
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        side_by_side(fail, range(3))
