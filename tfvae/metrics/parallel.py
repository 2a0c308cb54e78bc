"""Work on all cores, one task a core."""

from collections.abc import Callable, Iterable
from typing import Any

import joblib
from threadpoolctl import threadpool_limits


def side_by_side(function: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
    """The results of a function for each item, in order, in as many threads as there are cores.

    The linear algebra within a task has one thread: products of small matrices, shared by threads that wait for each
    other while all cores are taken, took twenty times as long.
    """
    with threadpool_limits(limits=1):
        return joblib.Parallel(n_jobs=-1, backend="threading")(joblib.delayed(function)(item) for item in items)
