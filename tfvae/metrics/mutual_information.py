"""Mutual information of binned codes: between two latents as a score, and for the metrics that build on it."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.sampling import over_draws, quantile_bins


def mutual_information_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    bins: int = 20,
    binning: str = "histogram",
    collapsed_kl: float = 0.01,
    repeats: int = 5,
) -> dict[str, Any]:
    """Mean mutual information of two latents, in nats: 0 for independent ones; lower is better. Needs no factors.

        score = 1 / (D (D-1)) sum_{i != j} I(b_i; b_j),   b_j the bin of mu_j    (Locatello et al., 2019, Appendix C)

    Invariant to the order of latents, their offset and scale. At most log(bins). The estimate from binned samples is
    too high by about (bins - 1)^2 / (2 samples), 0.018 nats at the defaults, and depends on the bins: compare like with
    like. Costs D^2 / 2 histograms of the samples.

    Args:
        codes: codes of any data.
        rng: source of all randomness.
        samples: int >= 2, random images of a draw; published: 10,000.
        bins: int >= 2, bins of a latent; published: 20.
        binning: "histogram" (published; equal widths from the least to the greatest mean of the sample) or "quantile"
            (equal counts, and with it invariant to any increasing function of a latent).
        collapsed_kl: float, in nats; latents of less or equal KL to the prior, and constant ones, are left out.
        repeats: int >= 2, number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`) and "active_latents". Fewer than two latents score 0.
    """
    active = codes.active_latents(rng, collapsed_kl)

    def measure(indices: np.ndarray) -> dict[str, float]:
        binned = binned_codes(codes.mean(indices)[:, active], bins, binning)
        pairs = mutual_information(binned, binned)
        count = len(pairs)
        return {"score": (pairs.sum() - np.trace(pairs)) / (count * (count - 1)) if count > 1 else 0.0}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}


def binned_codes(means: np.ndarray, bins: int, binning: str = "histogram") -> np.ndarray:
    """Bins of codes: [N, D] -> int [N, D] in [0, bins).

    Args:
        means: float [N, D].
        bins: int >= 2.
        binning: "histogram" or "quantile", see `mutual_information_score`.
    """
    if bins < 2 or binning not in ("histogram", "quantile"):
        raise ValueError(
            f"Expected bins >= 2 and binning 'histogram' or 'quantile'. Received: bins={bins}, binning={binning!r}"
        )
    binned = np.empty(means.shape, np.int64)
    for latent, values in enumerate(means.T.astype(np.float64)):
        if binning == "quantile":
            binned[:, latent] = quantile_bins(values, bins)
        else:
            edges = np.linspace(values.min(), values.max(), bins + 1)
            binned[:, latent] = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
    return binned


def mutual_information(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mutual information of the columns of two tables of categories, in nats.

    I(a; b) = sum_{x,y} p(x, y) log(p(x, y) / (p(x) p(y))) = H(a) + H(b) - H(a, b),   p the shares of the rows

    Args:
        first: int [N, A], numbers from 0.
        second: int [N, B], numbers from 0.

    Returns:
        float64 [A, B], at least 0.
    """
    sizes = second.max(axis=0, initial=0) + 1
    h_first, h_second = entropies(first), entropies(second)
    joint = np.empty((first.shape[1], second.shape[1]))
    for a, column in enumerate(first.T):
        for b, other in enumerate(second.T):
            joint[a, b] = _entropy(column * sizes[b] + other)
    return np.maximum(h_first[:, None] + h_second - joint, 0)


def entropies(table: np.ndarray) -> np.ndarray:
    """Entropies in nats of the columns of a table of categories: int [N, A], numbers from 0 -> float64 [A]."""
    return np.array([_entropy(column) for column in table.T])


def _entropy(categories: np.ndarray) -> float:
    counts = np.bincount(categories)
    shares = counts[counts > 0] / len(categories)
    return float(-np.sum(shares * np.log(shares)))
