"""How far metrics agree on many runs."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

COEFFICIENTS = {"pearson": stats.pearsonr, "kendall": stats.kendalltau, "spearman": stats.spearmanr}


@dataclass(frozen=True)
class Agreement:
    """Correlations of metrics over runs.

    Args:
        metrics: names of the M metrics.
        runs: the number of runs.
        coefficients: "pearson", "kendall" and "spearman" -> float64 [M, M], symmetric with a diagonal of 1.
        p_values: the same names -> float64 [M, M], p values of the two-sided test that a coefficient is 0.
    """

    metrics: tuple[str, ...]
    runs: int
    coefficients: Mapping[str, np.ndarray]
    p_values: Mapping[str, np.ndarray]


def agreement(scores: Mapping[str, Sequence[float]]) -> Agreement:
    """Correlates metrics over runs (Kim & Mnih, 2018, Section 6, the sanity check).

    Pearson's coefficient measures linear correlation, and Spearman's is Pearson's of the ranks. Kendall's (tau-b) is
    the excess of pairs of runs that both metrics rank in the same order.

    Args:
        scores: for each metric its scores of all runs, in the same order of runs.

    Raises:
        ValueError: if there are fewer than two metrics or three runs, a metric lacks a run, a score is not finite, or a
            metric gives all runs the same score, so that it has no correlation.

    Examples:
        >>> from tfvae.analysis.agreement import agreement
        >>> found = agreement({"mig": [0.1, 0.2, 0.4], "sap": [0.01, 0.03, 0.02]})
        >>> round(float(found.coefficients["spearman"][0, 1]), 2)
        0.5
    """
    if len(scores) < 2:
        raise ValueError(f"Expected the scores of at least two metrics. Received: {list(scores)}")
    columns = {name: np.asarray(values, np.float64) for name, values in scores.items()}
    lengths = {name: column.size for name, column in columns.items()}
    runs = min(lengths.values())
    if runs < 3 or len(set(lengths.values())) > 1:
        raise ValueError(f"Expected a score of each of three or more runs for every metric. Received: {lengths}")
    for name, column in columns.items():
        if not np.isfinite(column).all() or np.ptp(column) == 0:
            raise ValueError(f"Expected finite scores that are not all the same. Received: {name}={column.tolist()}")
    coefficients, p_values = {}, {}
    table = list(columns.values())
    for kind, correlate in COEFFICIENTS.items():
        coefficients[kind], p_values[kind] = np.eye(len(table)), np.zeros((len(table), len(table)))
        for i, j in itertools.combinations(range(len(table)), 2):
            found = correlate(table[i], table[j])
            coefficients[kind][i, j] = coefficients[kind][j, i] = found.statistic
            p_values[kind][i, j] = p_values[kind][j, i] = found.pvalue
    return Agreement(tuple(columns), runs, coefficients, p_values)
