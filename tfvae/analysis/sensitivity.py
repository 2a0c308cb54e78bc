"""How a metric's score depends on its own parameters."""

import itertools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics import METRICS
from tfvae.metrics.parallel import one_thread

# What the paper varies (Kim & Mnih, 2018, Appendix B). Its text does not give the values; these span the axes.
FIGURE_16: dict[str, Any] = {
    "metric": "beta_vae",
    "grid": {"pairs": (20, 50, 100, 200), "iterations": (1_000, 2_000, 5_000, 10_000, 20_000)},
    "fixed": {"classifier": "adagrad", "evaluation": 800, "repeats": 1},
}
FIGURE_17: dict[str, Any] = {
    "metric": "factor_vae",
    "grid": {"batch": (20, 50, 100, 200), "votes": (100, 200, 400, 800, 1_600)},
    "fixed": {"repeats": 1},
}


@dataclass(frozen=True)
class Sensitivity:
    """Scores of one representation for each combination of two parameters.

    Args:
        metric: the name of the metric.
        names: the parameters that vary: between curves, and along them.
        values: the values of each.
        scores: float64 [size_0, size_1, seeds].
        fixed: the parameters that did not vary.
    """

    metric: str
    names: tuple[str, str]
    values: tuple[Sequence[Any], Sequence[Any]]
    scores: np.ndarray
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mean(self) -> np.ndarray:
        """The mean score over seeds, float64 [size_0, size_1]."""
        return self.scores.mean(axis=-1)

    @property
    def standard_deviation(self) -> np.ndarray:
        """The standard deviation of one score over seeds, as in the figures: float64 [size_0, size_1]."""
        return self.scores.std(axis=-1, ddof=1)


def sensitivity(
    codes: Codes,
    metric: str,
    grid: Mapping[str, Sequence[Any]],
    *,
    fixed: Mapping[str, Any] | None = None,
    seeds: int = 10,
    seed: int = 0,
) -> Sensitivity:
    """Scores one representation with each combination of parameters and seeds (Kim & Mnih, 2018, Figures 16 and 17).

    `sensitivity(codes, **FIGURE_16)` and `sensitivity(codes, **FIGURE_17)` are the paper's. All combinations use the
    same seeds, so differences between them are less noisy than the scores.

    Args:
        codes: codes of a data set with known factors.
        metric: a name out of `METRICS`.
        grid: two parameters of that metric, each with the values that it takes.
        fixed: further parameters of the metric.
        seeds: int >= 2, the number of draws for each combination.
        seed: int >= 0, determines the draws.

    Raises:
        ValueError: if the metric is unknown, there are not two parameters with values, or the metric raises it.
        TypeError: if the metric does not take a parameter.

    Examples:
        >>> from tfvae.analysis.sensitivity import sensitivity
        >>> data = tfvae.data.load("dsprites")
        >>> codes = tfvae.codes.Codes(tfvae.zoo.load_encoder("vae-dsprites"), data)
        >>> found = sensitivity(codes, "factor_vae", {"batch": [2, 4], "votes": [10, 20, 30]}, seeds=2)
        >>> found.mean.shape
        (2, 3)
    """
    if metric not in METRICS:
        raise ValueError(f"Expected a metric out of {sorted(METRICS)}. Received: metric={metric!r}")
    if len(grid) != 2 or not all(len(values) for values in grid.values()) or seeds < 2:
        raise ValueError(f"Expected two parameters with values, and seeds >= 2. Received: grid={grid}, seeds={seeds}")
    fixed = dict(fixed or {})
    (name, values), (along, places) = grid.items()
    scores = np.empty((len(values), len(places), seeds))
    for row, column, draw in itertools.product(*map(range, scores.shape)):
        rng = np.random.default_rng([seed, zlib.crc32(metric.encode()), draw])
        parameters = {**fixed, name: values[row], along: places[column]}
        with one_thread():
            scores[row, column, draw] = METRICS[metric].function(codes, rng, **parameters)["score"]
    return Sensitivity(metric, (name, along), (tuple(values), tuple(places)), scores, fixed)
