"""Several metrics at once: of codes of a data set, of plain arrays, and of a perfect code."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.data.factor_table import FactorTable
from tfvae.data.factors import Factors
from tfvae.metrics.registry import METRICS, UNSUPERVISED

Parameters = Mapping[str, Mapping[str, Any]]

# For a look during training, on a subset of the images: seconds in all. FactorVAE's votes and beta-VAE's pairs are few,
# so that these scores come out lower than at the defaults, as do those that train classifiers.
QUICK: dict[str, dict[str, Any]] = {
    "amari": {"samples": 4_000, "repeats": 2},
    "beta_vae": {"pairs": 20, "train": 500, "evaluation": 100, "repeats": 1},
    "dci": {"train": 1_000, "test": 1_000, "trees": 25},
    "downstream": {"labels": (10, 100, 1_000), "test": 1_000, "trees": 25},
    "explicitness": {"train": 2_000, "test": 1_000, "repeats": 2},
    "factor_vae": {"votes": 200, "evaluation_votes": 200, "batch": 50, "scale_samples": 2_000, "repeats": 1},
    "irs": {"samples": 4_000, "repeats": 2},
    "mig": {"samples": 4_000, "repeats": 2},
    "modularity": {"samples": 4_000, "repeats": 2},
    "mutual_information": {"samples": 4_000, "repeats": 2},
    "predictability": {"train": 1_000, "test": 1_000, "repeats": 2},
    "sap": {"train": 2_000, "test": 1_000, "repeats": 2},
    "total_correlation": {"samples": 4_000, "repeats": 2},
    "wasserstein_correlation": {"samples": 4_000, "repeats": 2},
}


def score(
    codes: np.ndarray,
    factors: np.ndarray | None = None,
    *,
    metrics: str | Iterable[str] = "all",
    names: Sequence[str] | None = None,
    log_variance: np.ndarray | None = None,
    seed: int = 0,
    parameters: Parameters | None = None,
) -> dict[str, dict[str, Any]]:
    """Scores a matrix of codes against a matrix of factors, with no model and no images.

    A factor is discrete where its column has whole numbers and continuous otherwise. Continuous ones are regressed by
    DCI, SAP and the Amari distance; for all other metrics they are cut into 20 bins of equally many rows.

    Args:
        codes: numbers [N, D]: the means of q(z|x).
        factors: numbers [N, K]; without them the metrics that need none are taken, see `UNSUPERVISED`.
        metrics: "all", or names out of `METRICS`.
        names: of the K factors; by default "factor0" and on.
        log_variance: numbers [N, D]: the log variances of q(z|x), by which collapsed latents are told.
        seed: int >= 0.
        parameters: for each metric what differs from its defaults, such as `QUICK`.

    Returns:
        For each metric what it returns, "score" and "standard_error" among others, as `score_codes` does.

    Raises:
        ValueError: unknown names, shapes that do not fit, NaN or infinity.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.shape[0] < 2:
        raise ValueError(f"Expected codes [N, D], N >= 2. Received: shape={codes.shape}")
    if factors is None:
        return score_codes(Codes.from_arrays(_Rows(len(codes)), codes, log_variance), metrics, seed, parameters)
    factors = np.asarray(factors)
    if factors.ndim != 2 or len(factors) != len(codes):
        raise ValueError(f"Expected factors [{len(codes)}, K], a row for each code. Received: shape={factors.shape}")
    table = FactorTable(names or [f"factor{k}" for k in range(factors.shape[1])], factors)
    return score_codes(Codes.from_arrays(Labelled(table), codes, log_variance), metrics, seed, parameters)


def ceiling(
    data: Any,
    *,
    metrics: str | Iterable[str] = "all",
    seed: int = 0,
    parameters: Parameters | None = None,
) -> dict[str, dict[str, Any]]:
    """What a perfect code of a data set scores: one latent for each scored factor, its value.

    Not all metrics give 1: bins and linear classifiers do not tell apart all the values of a factor. On dSprites MIG
    ends at 0.895 and SAP at 0.24. Nothing is encoded. It is no bound of what can be reached: for DCI, IRS and MIG a
    trained encoder may spread a factor's values better than evenly.

    Args:
        data: what has `factors` and `scored_factors`, such as `tfvae.data.GroundTruthData`.
        metrics: "all" for those that need factors, or names out of `METRICS`.
        seed: int >= 0.
        parameters: for each metric what differs from its defaults.

    Returns:
        For each metric what it returns.

    Raises:
        ValueError: the data have no factors, or a name is unknown.
    """
    if getattr(data, "factors", None) is None:
        raise ValueError(f"Expected data with known factors. Received: {type(data).__name__}")
    columns = [data.factors.names.index(name) for name in data.scored_factors]
    values = data.factors.values_of(np.arange(len(data)))[:, columns]
    supervised = [name for name in _names(metrics) if metrics != "all" or name not in UNSUPERVISED]
    return score_codes(Codes.from_arrays(data, values), supervised, seed, parameters)


def score_codes(
    codes: Codes, metrics: str | Iterable[str] = "all", seed: int = 0, parameters: Parameters | None = None
) -> dict[str, dict[str, Any]]:
    """Metrics of codes, each with random numbers of its own, from the seed and its name.

    Args:
        codes: codes of a data set.
        metrics: "all", or names out of `METRICS`.
        seed: int >= 0.
        parameters: for each metric what differs from its defaults; for one that is not asked for it is ignored.

    Returns:
        For each metric what it returns. A metric that needs factors, where there are not two of them that vary, gives
        {"score": None, "standard_error": None, "skipped": why}.

    Raises:
        ValueError: an unknown name.
    """
    metrics, parameters = _names(metrics), dict(parameters or {})
    _names(parameters)
    lacking = _what_lacks(codes.data)
    results: dict[str, dict[str, Any]] = {}
    for name in metrics:
        if lacking and name not in UNSUPERVISED:
            results[name] = {"score": None, "standard_error": None, "skipped": lacking}
        else:
            results[name] = METRICS[name](codes, generator(seed, name), **parameters.get(name, {}))
    return results


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers of their own for each part, so that none depends on which others are asked for."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


class _Rows:
    """Data of which only the number is known."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class Labelled(_Rows):
    """Data of which only the factors are known: enough for `Codes.from_arrays` and every metric.

    Args:
        factors: of N images.
    """

    def __init__(self, factors: Factors) -> None:
        super().__init__(len(factors))
        self.factors = factors
        self.scored_factors = tuple(n for n, size in zip(factors.names, factors.sizes, strict=True) if size > 1)


def _what_lacks(data: Any) -> str | None:
    if getattr(data, "factors", None) is None:
        return "the data have no factors"
    if len(data.scored_factors) < 2:
        return f"fewer than two factors vary: {list(data.scored_factors)}"
    return None


def _names(metrics: str | Iterable[str]) -> tuple[str, ...]:
    names = tuple(METRICS) if metrics == "all" else (metrics,) if isinstance(metrics, str) else tuple(metrics)
    for name in names:
        if name not in METRICS:
            raise ValueError(f"Expected metrics out of {sorted(METRICS)}, or 'all'. Received: {name!r}")
    return names
