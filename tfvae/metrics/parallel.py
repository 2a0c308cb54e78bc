"""Work on all cores, one task per core and one thread per task."""

from collections.abc import Callable, Iterable
from typing import Any

import joblib
from threadpoolctl import threadpool_limits
from tqdm import tqdm


def one_thread() -> threadpool_limits:
    """A context in which linear algebra has one thread, whatever the machine and the environment say.

    With several threads, which wait for each other while all cores are busy, products of small matrices took twenty
    times as long.
    """
    return threadpool_limits(limits=1)


def side_by_side(function: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
    """The results of a function for each item, in order, computed in as many threads as there are cores.

    The linear algebra within a task has one thread, see `one_thread`. After ten seconds, a terminal shows a progress
    bar.
    """
    items = list(items)
    # With disable=None, tqdm shows its bar only on a terminal.
    with one_thread(), tqdm(items, desc="score", leave=False, disable=None, delay=10) as bar:
        return joblib.Parallel(n_jobs=-1, backend="threading")(joblib.delayed(function)(item) for item in bar)
