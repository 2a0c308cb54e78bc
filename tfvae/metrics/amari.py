"""The Amari distance of the map from factors to latents from a permutation."""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from tfvae.codes.codes import Codes
from tfvae.metrics.sampling import over_draws, scored_columns


def amari_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    collapsed_kl: float = 0.01,
    repeats: int = 5,
) -> dict[str, Any]:
    """How far the linear map from factors to latents is from a permutation with scales; lower is better.

        mu_j = sum_k P_jk v_k + b_j + error    by least squares, mu and v standardised
        d = 1 / (2K (K-1)) [sum_j (sum_k |P_jk| / max_k |P_jk| - 1) + sum_k (sum_j |P_jk| / max_j |P_jk| - 1)]

    (Amari et al., 1996; Yang & Amari, 1997), scaled to [0, 1]: 0 if and only if P is a permutation of scales, 1 if all
    its entries are alike. P is square in independent component analysis; here it has the rows of those K latents which
    together match the factors best, one each (the greatest sum of |P|), so that further latents, noise among them, do
    not matter. A row or column of zeros counts as all alike. Invariant to the order, offset and scale of latents. It
    sees linear dependence alone and takes a factor's values for numbers, the names of shapes too; a factor that no
    latent has leaves a row of estimates that are noise. Costs one least-squares fit.

    Args:
        codes: codes of data with known factors; continuous factors are taken as they are.
        rng: source of all randomness.
        samples: int >= 2, random images of a draw.
        collapsed_kl: float, in nats; latents of less or equal KL to the prior, and constant ones, are left out.
        repeats: int >= 2, number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "explained": R^2 of the map, averaged over the latents
        that were matched, "active_latents". No latent left scores 1.

    Raises:
        ValueError: a parameter is out of its range, or there are fewer than two factors.
    """
    active = codes.active_latents(rng, collapsed_kl)
    factors, columns = codes.data.factors, scored_columns(codes.data)

    def measure(indices: np.ndarray) -> dict[str, float]:
        values = _standardised(factors.values_of(indices)[:, columns])
        means = _standardised(codes.mean(indices)[:, active].astype(np.float64))
        weights = np.linalg.lstsq(values, means, rcond=None)[0].T
        explained = 1 - np.mean((means - values @ weights.T) ** 2, axis=0)
        rows, places = linear_sum_assignment(-np.abs(weights))
        matched = np.zeros((len(columns), len(columns)))
        matched[places] = weights[rows]
        return {"score": amari_distance(matched), "explained": float(explained[rows].mean()) if rows.size else 0.0}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}


def amari_distance(matrix: np.ndarray) -> float:
    """Amari distance of a square matrix [K, K], K > 1, from a permutation of scales, in [0, 1]."""
    size = len(matrix)

    def spread(rows: np.ndarray) -> np.ndarray:
        most = rows.max(axis=1)
        return np.divide(rows.sum(axis=1), most, out=np.full(size, float(size)), where=most > 0) - 1

    # Least squares leave about 1e-16 where a coefficient is zero.
    entries = np.where(np.abs(matrix) > 1e-9, np.abs(matrix), 0)
    return float((spread(entries).sum() + spread(entries.T).sum()) / (2 * size * (size - 1)))


def _standardised(columns: np.ndarray) -> np.ndarray:
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
