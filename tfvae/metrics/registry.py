"""The metrics by name, with all that depends on which metric it is."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeVar

from tfvae.metrics.amari import amari_score
from tfvae.metrics.beta_vae import beta_vae_score
from tfvae.metrics.dci import dci_score
from tfvae.metrics.downstream import downstream_score
from tfvae.metrics.explicitness import explicitness_score
from tfvae.metrics.factor_vae import factor_vae_score
from tfvae.metrics.gaussian_total_correlation import gaussian_total_correlation_score
from tfvae.metrics.infoc import infoc_score
from tfvae.metrics.infoe import infoe_score
from tfvae.metrics.infom import infom_score
from tfvae.metrics.irs import irs_score
from tfvae.metrics.mig import mig_score
from tfvae.metrics.modularity import modularity_score
from tfvae.metrics.mutual_information import mutual_information_score
from tfvae.metrics.predictability import predictability_score
from tfvae.metrics.reduced_downstream import reduced_downstream_score
from tfvae.metrics.sap import sap_score
from tfvae.metrics.unfairness import unfairness_score
from tfvae.metrics.wasserstein_correlation import wasserstein_correlation_score

# (codes, rng, **parameters) -> {"score": ..., "standard_error": ..., ...}
MetricFunction = Callable[..., dict[str, Any]]
_F = TypeVar("_F", bound=MetricFunction)


@dataclass(frozen=True)
class Metric:
    """A metric and what its users must know about it.

    Args:
        function: `Codes`, a `np.random.Generator` and parameters -> {"score": ..., "standard_error": ..., ...}.
        quick: parameters for a first look: a second or two on a subset of the images.
        needs_factors: whether it compares codes with factors, of which at least two must vary.
        lower_is_better: whether a lower score is the better one.
        costly: whether it is computed only when it is asked for by name: "all" leaves it out.

    Examples:
        >>> metric = tfvae.metrics.METRICS["amari"]
        >>> metric.needs_factors, metric.lower_is_better
        (True, True)
    """

    function: MetricFunction
    quick: Mapping[str, Any]
    needs_factors: bool = True
    lower_is_better: bool = False
    costly: bool = False


class _Metrics(dict[str, Metric]):
    def __setitem__(self, name: str, metric: Metric) -> None:
        if not isinstance(metric, Metric):
            raise TypeError(f"Expected a Metric, as tfvae.register_metric({name!r}) makes it. Received: {metric!r}")
        super().__setitem__(name, metric)


# FactorVAE's votes and beta-VAE's pairs are few in a first look, so these scores come out lower than with the defaults.
# So do the scores of metrics that train classifiers.
METRICS: dict[str, Metric] = _Metrics(
    {
        "amari": Metric(amari_score, {"samples": 4_000, "repeats": 2}, lower_is_better=True),
        "beta_vae": Metric(beta_vae_score, {"pairs": 20, "train": 500, "evaluation": 100, "repeats": 1}),
        "dci": Metric(dci_score, {"train": 1_000, "test": 1_000, "trees": 25}),
        "downstream": Metric(downstream_score, {"labels": (10, 100, 1_000), "test": 1_000, "trees": 25}),
        "explicitness": Metric(explicitness_score, {"train": 2_000, "test": 1_000, "repeats": 2}),
        "factor_vae": Metric(
            factor_vae_score,
            {"votes": 200, "evaluation_votes": 200, "batch": 50, "scale_samples": 2_000, "repeats": 1},
        ),
        "infoc": Metric(infoc_score, {"samples": 1_000, "repeats": 2}),
        "infoe": Metric(infoe_score, {"samples": 2_000, "repeats": 2}),
        "infom": Metric(infom_score, {"samples": 1_000, "repeats": 2}),
        "irs": Metric(irs_score, {"samples": 4_000, "repeats": 2}),
        "mig": Metric(mig_score, {"samples": 4_000, "repeats": 2}),
        "modularity": Metric(modularity_score, {"samples": 4_000, "repeats": 2}),
        "mutual_information": Metric(
            mutual_information_score, {"samples": 4_000, "repeats": 2}, needs_factors=False, lower_is_better=True
        ),
        "predictability": Metric(
            predictability_score,
            {"train": 1_000, "test": 1_000, "repeats": 2},
            needs_factors=False,
            lower_is_better=True,
        ),
        "reduced_downstream": Metric(
            reduced_downstream_score, {"train": 1_000, "test": 1_000, "trees": 25}, lower_is_better=True, costly=True
        ),
        "sap": Metric(sap_score, {"train": 2_000, "test": 1_000, "repeats": 2}),
        "total_correlation": Metric(
            gaussian_total_correlation_score,
            {"samples": 4_000, "repeats": 2},
            needs_factors=False,
            lower_is_better=True,
        ),
        "unfairness": Metric(
            unfairness_score, {"train": 1_000, "test": 1_000, "trees": 25}, lower_is_better=True, costly=True
        ),
        "wasserstein_correlation": Metric(
            wasserstein_correlation_score, {"samples": 4_000, "repeats": 2}, needs_factors=False, lower_is_better=True
        ),
    }
)


def in_all() -> list[str]:
    """The names that "all" stands for: those of all metrics that are not costly.

    Examples:
        >>> "mig" in tfvae.metrics.in_all(), "unfairness" in tfvae.metrics.in_all()
        (True, False)
    """
    return [name for name, metric in METRICS.items() if not metric.costly]


# As the `parameters` of `score`, `ceiling` and `evaluate`.
QUICK: dict[str, dict[str, Any]] = {name: dict(metric.quick) for name, metric in METRICS.items()}
# What else stands beside the scores in a result of `evaluate` and in a scores.json, and "all".
_RESERVED = frozenset(
    {
        "all",
        "category_accuracy",
        "data",
        "digest",
        "encoded",
        "factors",
        "images",
        "kl",
        "latents",
        "limit",
        "model",
        "parameters",
    }
    | {"reconstruction", "release", "turned", "seed"}
)


def register_metric(
    name: str,
    *,
    needs_factors: bool = True,
    lower_is_better: bool = False,
    quick: Mapping[str, Any] | None = None,
) -> Callable[[_F], _F]:
    """Adds a function to `METRICS`, so that scores, evaluations, studies and commands know it by name.

        @tfvae.register_metric("largest_mean", needs_factors=False, quick={"samples": 100})
        def largest_mean(codes, rng, *, samples=10_000):
            means = codes.means(rng.integers(len(codes.data), size=samples))
            return {"score": means.max(), "standard_error": 0.0}

    Args:
        name: lower-case letters, digits and underscores.
        needs_factors: as in `Metric`. Where fewer than two factors vary, the metric is skipped.
        lower_is_better: as in `Metric`.
        quick: as in `Metric`; by default the function's own defaults.

    Returns:
        A decorator, which returns the function as it is. Registering the same function again, as when its module is
        reloaded, replaces it.

    Raises:
        ValueError: if the name is malformed, reserved, or taken by another function.
        TypeError: if the function does not take codes, a generator and the parameters in `quick`.

    Examples:
        >>> @tfvae.metrics.register_metric("largest", needs_factors=False)
        ... def largest(codes, rng):
        ...     means = codes.means(np.arange(len(codes.data)))
        ...     return {"score": np.abs(means).max(), "standard_error": 0.0}
        >>> tfvae.metrics.score(np.eye(3), metrics="largest")["largest"]["score"]
        1.0
    """
    if not re.fullmatch("[a-z0-9_]+", name) or name in _RESERVED:
        raise ValueError(
            f"Expected a name of lower-case letters, digits and underscores, except for {sorted(_RESERVED)}. "
            f"Received: {name!r}"
        )
    parameters = dict(quick or {})

    def register(function: _F) -> _F:
        try:
            inspect.signature(function).bind(None, None, **parameters)
        except TypeError as error:
            raise TypeError(
                f"Expected metric {name!r} to be a function of (codes, rng) and of quick={parameters}. "
                f"Received: {function!r}: {error}"
            ) from error
        if name in METRICS and _place(METRICS[name].function) != _place(function):
            raise ValueError(
                f"Expected a name that is not taken. Received: {name!r}, which is {_place(METRICS[name].function)}"
            )
        METRICS[name] = Metric(function, parameters, needs_factors, lower_is_better)
        QUICK[name] = dict(parameters)
        return function

    return register


def _place(function: MetricFunction) -> str:
    """Where a function is defined: the same before and after its module is reloaded. Lambdas differ from each other."""
    if isinstance(function, FunctionType) and function.__name__ != "<lambda>":
        return f"{function.__module__}.{function.__qualname__}"
    return repr(function)
