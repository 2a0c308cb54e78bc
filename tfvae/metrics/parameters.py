"""The parameters of metrics, checked against the signatures of their functions before anything is computed."""

import inspect
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tfvae.metrics.registry import METRICS, Metric

# For each metric what differs from its defaults: {"beta_vae": {"classifier": "adagrad"}}.
Parameters = Mapping[str, Mapping[str, Any]]
_NUMBERS: dict[Any, tuple[type, ...]] = {int: (int, np.integer), float: (int, float, np.integer, np.floating)}


def checked_parameters(chosen: Mapping[str, Metric], parameters: Parameters) -> dict[str, dict[str, Any]]:
    """The parameters of those metrics that have some, by name.

    Args:
        chosen: the metrics that are scored, by name.
        parameters: parameters by name of the metric. Those of other metrics in `METRICS` are checked, but not returned.

    Raises:
        ValueError: if there is no such metric, it has no such parameter, or a value is of another type.
    """
    for name, given in parameters.items():
        metric = chosen.get(name) or METRICS.get(name)
        if metric is None:
            raise ValueError(f"Expected parameters of metrics out of {sorted({*METRICS, *chosen})}. Received: {name!r}")
        if not isinstance(given, Mapping):
            raise ValueError(f"Expected parameters of {name!r} by name. Received: {given!r}")
        _check(name, metric, given)
    return {name: dict(parameters[name]) for name in chosen if name in parameters}


def overlaid(base: Parameters, changes: Parameters) -> dict[str, dict[str, Any]]:
    """The parameters of `base`, such as `QUICK`, with changes to some of them."""
    return {name: {**base.get(name, {}), **changes.get(name, {})} for name in {**base, **changes}}


def _check(name: str, metric: Metric, given: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(metric.function)
        hints = typing.get_type_hints(metric.function)
    except (ValueError, TypeError, NameError):
        return  # a function of the user's that does not say what it takes
    # The first two are the codes and the generator.
    known = {each.name: each.kind for each in list(signature.parameters.values())[2:]}
    if inspect.Parameter.VAR_KEYWORD in known.values():
        return
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"Expected parameters of {name!r} out of {list(known)}. Received: {key!r}")
        if not _fits(value, hints.get(key, Any)):
            hint = signature.parameters[key].annotation
            expected = hint.__name__ if isinstance(hint, type) else hint
            raise ValueError(f"Expected {name}.{key} of type {expected}. Received: {value!r}")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value has the type of a hint; True for hints that are not numbers, text, or collections of these."""
    if isinstance(hint, types.UnionType):
        return any(_fits(value, each) for each in typing.get_args(hint))
    if typing.get_origin(hint) is Collection:
        return (
            isinstance(value, Collection)
            and not isinstance(value, str)
            and all(_fits(each, typing.get_args(hint)[0]) for each in value)
        )
    if hint in _NUMBERS:
        return isinstance(value, _NUMBERS[hint]) and not isinstance(value, bool)
    return isinstance(value, hint) if hint in (str, bool, type(None)) else True
