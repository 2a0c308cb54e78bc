"""Entropies and mutual information of codes in bins, estimated from their histograms."""

import numpy as np

from tfvae.metrics.sampling import quantile_bins


def binned_codes(means: np.ndarray, bins: int, binning: str = "histogram") -> np.ndarray:
    """Bins of codes: [N, D] -> int [N, D] in [0, bins).

    Args:
        means: float [N, D].
        bins: int >= 2.
        binning: "histogram" (equal widths from the smallest to the largest mean of a latent) or "quantile" (equal
            counts, which makes the bins invariant to any increasing function of a latent).

    Raises:
        ValueError: if there are fewer than two bins, or the binning is unknown.
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

    I(a; b) = sum_{x,y} p(x, y) log(p(x, y) / (p(x) p(y))) = H(a) + H(b) - H(a, b),   p the fractions of rows

    Args:
        first: int [N, A], categories numbered from 0.
        second: int [N, B], categories numbered from 0.

    Returns:
        float64 [A, B], at least 0.
    """
    sizes = second.max(axis=0, initial=0) + 1
    h_first, h_second = entropies(first), entropies(second)
    joint = np.empty((first.shape[1], second.shape[1]))
    # Columns that are contiguous in memory are read several times as fast.
    columns, others = np.ascontiguousarray(first.T), np.ascontiguousarray(second.T)
    for a, column in enumerate(columns):
        for b, other in enumerate(others):
            joint[a, b] = _entropy(column * sizes[b] + other)
    return np.maximum(h_first[:, None] + h_second - joint, 0)


def histogram_seconds(rows: int, pairs: int) -> float:
    """The estimated time of one core for the mutual information of so many pairs of columns."""
    return pairs * (1e-5 + 6e-9 * rows)


def mutual_information_of_pairs(table: np.ndarray) -> np.ndarray:
    """`mutual_information` of a table with itself, int [N, A] -> float64 [A, A], in half the time."""
    single = entropies(table)
    sizes = table.max(axis=0, initial=0) + 1
    joint = np.diag(single)
    columns = np.ascontiguousarray(table.T)
    for a, column in enumerate(columns):
        for b in range(a):
            joint[a, b] = joint[b, a] = _entropy(column * sizes[b] + columns[b])
    return np.maximum(single[:, None] + single - joint, 0)


def entropies(table: np.ndarray) -> np.ndarray:
    """Entropies in nats of the columns of a table of categories: int [N, A], numbered from 0 -> float64 [A]."""
    return np.array([_entropy(column) for column in table.T])


def _entropy(categories: np.ndarray) -> float:
    counts = np.bincount(categories)
    shares = counts[counts > 0] / len(categories)
    return float(-np.sum(shares * np.log(shares)))
