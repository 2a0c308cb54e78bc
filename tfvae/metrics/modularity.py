"""Modularity: whether a latent is informative about only one factor."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.histograms import binned_codes, histogram_seconds, mutual_information
from tfvae.metrics.limits import check_cost
from tfvae.metrics.sampling import binned, over_draws, scored_columns


def modularity_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    bins: int = 20,
    binning: str = "histogram",
    repeats: int = 5,
) -> dict[str, Any]:
    """How close each latent is to being informative about a single factor; higher is better.

        score = mean_j [1 - sum_{k != k*} I_jk^2 / (I_jk*^2 (K-1))],   I_jk = I(b_j; v_k),  k* = argmax_k I_jk

    (Ridgeway & Mozer, 2018, Section 3, Eq. 2), with I from bins b_j of the means. In [0, 1]. Invariant to the order,
    offset and scale of latents. All latents have the same weight. So noise, whose small estimates of I are similar for
    factors with similar numbers of values, lowers the score. A code that lacks a factor can score 1. Costs D K
    histograms of the samples.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        bins: int >= 2, the number of bins of a latent; published: 20.
        binning: "histogram" (published) or "quantile", see `histograms.binned_codes`.
        repeats: int >= 2, the number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "active_latents". Without active latents the score is 0.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, rotated = factors, factors @ [[1, 1], [-1, 1], [0, 0]]
        >>> results = [score(codes, factors, metrics="modularity") for codes in (perfect, rotated)]
        >>> [round(result["modularity"]["score"], 2) for result in results]
        [1.0, 0.86]
    """
    active = codes.active_latents()
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    pairs, rows = int(active.sum()) * len(columns), min(samples, len(codes.data))
    check_cost(
        f"modularity's histograms of {pairs:,} pairs of a latent and a factor",
        "fewer samples or repeats, or fewer columns",
        seconds=(repeats + 1) * histogram_seconds(rows, pairs),
    )

    def measure(indices: np.ndarray) -> dict[str, float]:
        values = factors.to_factors(indices)[:, columns]
        squares = mutual_information(binned_codes(codes.means(indices)[:, active], bins, binning), values) ** 2
        most = squares.max(axis=1)
        informs = most > 0
        rest = (squares.sum(axis=1) - most)[informs] / (most[informs] * (len(columns) - 1))
        # An uninformative latent has modularity 0, as in disentanglement_lib.
        return {"score": np.sum(1 - rest) / len(squares) if len(squares) else 0.0}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}
