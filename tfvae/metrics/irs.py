"""IRS: the interventional robustness score."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.sampling import binned, over_draws, scored_columns


def irs_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    factor_bins: int | None = 20,
    quantile: float = 0.99,
    repeats: int = 5,
) -> dict[str, Any]:
    """How little a latent changes if its factor is held fixed and all others change; higher is better.

        m_j  = max |mu_j - E mu_j|
        r_jk = 1 - (1/V_k) sum_v Q |mu_j - E(mu_j | v_k = v)| / m_j,   Q the quantile given v_k = v (1: the maximum)
        IRS  = sum_j m_j max_k r_jk / sum_j m_j

    (Suter et al., 2019, Section 4, and their implementation in disentanglement_lib). In [0, 1]. Invariant to the order
    and offset of latents, but **not to their scale**: a latent is weighted by its reach m_j, so noise of a large reach
    lowers the score. A code that lacks a factor can score 1. Costs K V quantiles of the samples.

    Args:
        codes: codes of data with known factors. A continuous factor is cut into factor_bins bins (20 if that is None)
            of equally many images.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        factor_bins: int >= 2 or None. Published: 20; discrete factors are also cut into this many bins, of equal
            widths. Different values in a bin then count as noise, so a perfect code of dSprites scores less than 1.
            None holds each value fixed by itself, as in the paper, which needs many samples per value.
        quantile: float in (0, 1]; published: 0.99, although the paper's text has 1.
        repeats: int >= 2, the number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "active_latents". Without active latents the score is 0.

    Raises:
        ValueError: if a parameter is out of range, or fewer than two factors vary.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, rotated = factors, factors @ [[1, 1], [-1, 1], [0, 0]]
        >>> results = [score(codes, factors, metrics="irs") for codes in (perfect, rotated)]
        >>> [round(result["irs"]["score"], 2) for result in results]
        [1.0, 0.6]
    """
    if not 0 < quantile <= 1 or (factor_bins is not None and factor_bins < 2):
        raise ValueError(
            "Expected quantile in (0, 1] and factor_bins >= 2 or None. Received: "
            f"quantile={quantile}, factor_bins={factor_bins}"
        )
    active = codes.active_latents()
    factors, columns = binned(codes.data.factors, factor_bins or 20), scored_columns(codes.data)

    def measure(indices: np.ndarray) -> dict[str, float]:
        means = codes.means(indices)[:, active].astype(np.float64)
        reach = np.abs(means - means.mean(axis=0)).max(axis=0, initial=0)
        # A latent that varies over the data may be constant in a draw.
        means, reach = means[:, reach > 0], reach[reach > 0]
        if not reach.size:
            return {"score": 0.0}
        robust = [
            1 - _deviation(means, held, quantile) / reach for held in _held(factors.to_factors(indices)[:, columns])
        ]
        return {"score": float(np.average(np.max(robust, axis=0), weights=reach))}

    def _held(values: np.ndarray) -> list[np.ndarray]:
        if factor_bins is None:
            return list(values.T)
        edges = [np.linspace(column.min(), column.max(), factor_bins + 1)[1:-1] for column in values.T]
        return [np.searchsorted(edge, column, side="right") for edge, column in zip(edges, values.T, strict=True)]

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}


def _deviation(means: np.ndarray, held: np.ndarray, quantile: float) -> np.ndarray:
    """The quantile of |mu - E(mu | value)|, averaged over the values of a factor: [n, D], int [n] -> float64 [D]."""
    order = np.argsort(held, kind="stable")
    groups = np.split(means[order], np.flatnonzero(np.diff(held[order])) + 1)
    return np.mean([np.quantile(np.abs(group - group.mean(axis=0)), quantile, axis=0) for group in groups], axis=0)
