"""The Amari distance: how far the map from factors to latents is from a permutation."""

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
    repeats: int = 5,
) -> dict[str, Any]:
    """How far the linear map from factors to latents is from a permutation with scales; lower is better.

        mu_j = sum_k P_jk v_k + b_j + error    by least squares, mu and v standardised
        d = 1 / (2K (K-1)) [sum_j (sum_k |P_jk| / max_k |P_jk| - 1) + sum_k (sum_j |P_jk| / max_j |P_jk| - 1)]

    (Amari et al., 1996; Yang & Amari, 1997), scaled to [0, 1]: 0 if and only if P is a scaled permutation, 1 if all its
    entries are equal. P is square in independent component analysis. Here its rows are the K latents that together
    match the factors best, one for each factor (the largest sum of |P|), so additional latents, such as noise, do not
    matter. A row or column of zeros counts as one of equal entries. Invariant to the order, offset and scale of
    latents. It sees only linear dependence and treats a factor's values as numbers, even the categories of a shape. A
    factor that no latent encodes leaves a row of noisy estimates. Costs one least-squares fit.

    Args:
        codes: codes of data with known factors; continuous factors are used as they are.
        rng: source of all randomness.
        samples: int >= 2, random images of a draw.
        repeats: int >= 2, the number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "explained": the R^2 of the map, averaged over the
        matched latents, and "active_latents". Without active latents the score is 1.

    Raises:
        ValueError: if a parameter is out of range, or fewer than two factors vary.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, rotated = factors, factors @ [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]
        >>> results = [score(codes, factors, metrics="amari") for codes in (perfect, rotated)]
        >>> [round(result["amari"]["score"], 2) for result in results]
        [0.0, 0.29]
    """
    active = codes.active_latents()
    factors, columns = codes.data.factors, scored_columns(codes.data)

    def measure(indices: np.ndarray) -> dict[str, float]:
        values = _standardised(factors.values_of(indices)[:, columns])
        means = _standardised(codes.means(indices)[:, active].astype(np.float64))
        weights = np.linalg.lstsq(values, means, rcond=None)[0].T
        explained = 1 - np.mean((means - values @ weights.T) ** 2, axis=0)
        rows, places = linear_sum_assignment(-np.abs(weights))
        matched = np.zeros((len(columns), len(columns)))
        matched[places] = weights[rows]
        return {"score": amari_distance(matched), "explained": float(explained[rows].mean()) if rows.size else 0.0}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}


def amari_distance(matrix: np.ndarray) -> float:
    """The Amari distance of a square matrix [K, K], K > 1, from a scaled permutation, in [0, 1]."""
    size = len(matrix)

    def spread(rows: np.ndarray) -> np.ndarray:
        most = rows.max(axis=1)
        return np.divide(rows.sum(axis=1), most, out=np.full(size, float(size)), where=most > 0) - 1

    # Least squares give about 1e-16 for a coefficient of zero.
    entries = np.where(np.abs(matrix) > 1e-9, np.abs(matrix), 0)
    return float((spread(entries).sum() + spread(entries.T).sum()) / (2 * size * (size - 1)))


def _standardised(columns: np.ndarray) -> np.ndarray:
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
