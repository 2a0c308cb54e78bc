"""Which metrics an argument `metrics` asks for, and whether what they return is a result."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfvae.metrics.registry import METRICS, Metric, MetricFunction, in_all

# "all", a name, a function, or any number of these.
Selection = str | MetricFunction | Iterable[str | MetricFunction]


def selected(metrics: Selection, everything: Iterable[str] | None = None) -> dict[str, Metric]:
    """The metrics that an argument asks for, by name and in its order.

    Args:
        metrics: "all", a name out of `METRICS`, a function `(codes, rng, **parameters) -> {"score": ...,
            "standard_error": ...}`, or any iterable of these. A function is called by its `__name__`.
        everything: the names that "all" stands for; by default those of `METRICS` that are not costly.

    Raises:
        ValueError: if a name is unknown, or a function has the name of another metric.
        TypeError: if something is neither a name nor a function with a name.
    """
    chosen: dict[str, Metric] = {}
    for item in [metrics] if isinstance(metrics, str) or callable(metrics) else _items(metrics):
        if isinstance(item, str):
            names = (in_all() if everything is None else everything) if item == "all" else [str(item)]
            for name in names:
                if name not in METRICS:
                    raise ValueError(f"Expected metrics out of {sorted(METRICS)}, or 'all'. Received: {name!r}")
                chosen[name] = METRICS[name]
        else:
            name, metric = _of_function(item)
            if (name in METRICS and METRICS[name].function is not item) or chosen.get(name, metric) != metric:
                raise ValueError(f"Expected a function with a name of its own. Received: a second metric {name!r}")
            chosen[name] = metric
    return chosen


def checked_result(name: str, result: Any) -> dict[str, Any]:
    """What a metric returned, with its score and standard error as Python's numbers.

    Args:
        name: of the metric.
        result: {"score": a finite number, "standard_error": a finite number >= 0, ...}, or both None where there is no
            score.

    Raises:
        TypeError: if it is not a dict.
        ValueError: if the numbers are missing or not finite.
    """
    if not isinstance(result, Mapping):
        raise TypeError(f"Expected metric {name!r} to return a dict. Received: {type(result).__name__}")
    numbers = {key: _number(result.get(key)) for key in ("score", "standard_error")}
    score, error = numbers.values()
    skipped = all(key in result and result[key] is None for key in numbers)
    if not skipped and (score is None or error is None or error < 0):
        received = {key: result[key] for key in numbers if key in result}
        raise ValueError(
            f'Expected metric {name!r} to return a finite "score" and "standard_error" >= 0, or None for both. '
            f"Received: {received}"
        )
    return {**result, **numbers}


def _items(metrics: Iterable[str | MetricFunction]) -> Iterable[str | MetricFunction]:
    try:
        return list(metrics)
    except TypeError:
        raise TypeError(f"Expected names of metrics, or functions. Received: {metrics!r}") from None


def _of_function(function: Any) -> tuple[str, Metric]:
    """A function's name and its metric: the registered one, else one that needs no factors."""
    try:
        name = function.__name__
    except AttributeError:
        name = None
    if not callable(function) or not isinstance(name, str):
        raise TypeError(f"Expected names of metrics, or functions that have a __name__. Received: {function!r}")
    registered = (metric for metric in METRICS.values() if metric.function is function)
    return name, next(registered, Metric(function, {}, needs_factors=False))


def _number(value: Any) -> float | None:
    """A number, NumPy scalar or 0-d array as a float; None for anything else, and for NaN and infinity."""
    array = np.asarray(value)
    return float(array) if array.ndim == 0 and array.dtype.kind in "biuf" and np.isfinite(array) else None
