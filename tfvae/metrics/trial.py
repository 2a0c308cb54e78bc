"""Values of metrics' parameters, tried on a few known codes: before a model is trained, or images are encoded."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.data.factors import FactorSpace
from tfvae.metrics.parameters import Parameters
from tfvae.metrics.registry import METRICS, Metric
from tfvae.metrics.scoring import Labelled

_MOST = 8  # of whatever an integer counts: enough for every lower bound, and quickly done
_SIZES = 3, 4, 5


def check_values(parameters: Parameters) -> None:
    """Refuses values of parameters that a metric of this library would refuse once it has codes.

    Args:
        parameters: numbers and text by the name of the metric; those that are its defaults are not tried, nor are
            collections, whose values may depend on the codes, and metrics of the user.

    Raises:
        ValueError: naming the metric, with the metric's own message.
    """
    for name, given in parameters.items():
        metric = METRICS[name]
        tried = {key: value for key, value in given.items() if isinstance(value, int | float | str)}
        differing = any(value != metric.quick.get(key) for key, value in tried.items())
        if differing and metric.function.__module__.startswith("tfvae."):
            _try(name, metric, tried)


def _try(name: str, metric: Metric, tried: Mapping[str, Any]) -> None:
    small = {
        key: min(value, _MOST) if isinstance(value, int) else value for key, value in {**metric.quick, **tried}.items()
    }
    factors = np.indices(_SIZES).reshape(len(_SIZES), -1).T
    data = Labelled(FactorSpace(("a", "b", "c"), tuple(map(np.arange, _SIZES))))
    codes = Codes.from_arrays(data, factors + 0.1 * np.cos(factors[:, ::-1]), np.full(factors.shape, -4.0))
    try:
        metric.function(codes, np.random.default_rng(0), **small)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
