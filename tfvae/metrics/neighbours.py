"""Mutual information of a number and a class, estimated from nearest neighbours."""

import numpy as np
from scipy.special import digamma


def neighbour_information(x: np.ndarray, y: np.ndarray, neighbours: int) -> float:
    """The estimate of Ross (2014, eq. 2) of I(x; y), in nats; 0 where it would be negative.

        psi(N) + mean psi(k_n) - mean psi(N_n) - mean psi(m_n)

    N_n is the number of points in the class of point n, and m_n the number of points, itself included, that are closer
    to it than its k_n-th neighbour in its class. It equals scikit-learn's `mutual_info_classif` before its noise. Two
    sorts take the place of its trees, which cost eleven to eighteen times as much for 10,000 numbers.

    Args:
        x: float64 [N], no two values equal.
        y: int [N], classes numbered from 0. Points that are alone in their class are left out.
        neighbours: int >= 1; k_n is at most the number of other points in the class.
    """
    kept = np.bincount(y)[y] > 1
    if not kept.any():
        return 0.0
    x, y = x[kept], y[kept]
    order = np.lexsort((x, y))  # class after class, each sorted
    points, classes = x[order], y[order]
    size = np.bincount(classes)[classes]
    place = np.arange(len(points))
    start = np.searchsorted(classes, classes)
    k = np.minimum(neighbours, size - 1)
    radius = np.full(len(points), np.inf)
    for below in range(neighbours + 1):
        # The k + 1 neighbouring places of a point that begin so many before it.
        first, last = place - below, place - below + k
        inside = (below <= k) & (first >= start) & (last < start + size)
        reach = np.maximum(points - points[first * inside], points[last * inside] - points)
        radius = np.where(inside, np.minimum(radius, reach), radius)
    within = _closer(np.sort(x), points, radius)
    return max(
        0.0,
        float(digamma(len(x)) + np.mean(digamma(k)) - np.mean(digamma(size)) - np.mean(digamma(within))),
    )


def _closer(ordered: np.ndarray, points: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How many of the ordered values are closer to each point than its radius, int [N]."""
    after = np.searchsorted(ordered, points + radius)
    before = np.searchsorted(ordered, points - radius)
    # The sums are rounded, the distances of neighbours are not: one at the radius may be on either side of a sum.
    after = after - (ordered[after - 1] - points >= radius)
    before = before + (points - ordered[before] >= radius)
    return after - before
