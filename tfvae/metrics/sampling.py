"""What the sampling metrics share: the factors that are scored, subsets, repeats."""

from collections.abc import Callable
from typing import Any

import numpy as np


def scored_columns(data: Any) -> np.ndarray:
    """Columns of the scored factors in the rows of `data.factors`, int [K].

    Raises:
        ValueError: there are fewer than two, so that naming the fixed one is no task.
    """
    if len(data.scored_factors) < 2:
        raise ValueError(f"Expected at least two factors of size > 1. Received: scored_factors={data.scored_factors}")
    return np.array([data.factors.names.index(name) for name in data.scored_factors])


def subset(size: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """`number` distinct indices out of [0, size), or all of them when there are fewer, int [min(number, size)]."""
    return np.arange(size) if size <= number else np.sort(rng.choice(size, number, replace=False))


def over_repeats(repeat: Callable[[], tuple[float, float]], repeats: int, evaluated: int) -> dict[str, float]:
    """Mean of independent draws of a metric.

    Args:
        repeat: one draw: accuracy on `evaluated` points, and on the points that trained the classifier.
        repeats: int >= 1, number of draws.
        evaluated: int, points that the accuracy of one draw is a mean of.

    Returns:
        "score", "standard_error" of the score and "train_accuracy". One draw has no spread: its standard error is
        the binomial's, sqrt(s (1 - s) / evaluated), for a classifier taken as given.
    """
    if repeats < 1:
        raise ValueError(f"Expected at least one repeat. Received: repeats={repeats}")
    scores, train_accuracies = np.array([repeat() for _ in range(repeats)]).T
    score = scores.mean()
    error = np.sqrt(score * (1 - score) / evaluated) if repeats == 1 else scores.std(ddof=1) / np.sqrt(repeats)
    return {
        "score": float(score),
        "standard_error": float(error),
        "train_accuracy": float(train_accuracies.mean()),
    }
