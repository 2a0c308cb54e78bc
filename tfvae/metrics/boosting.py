"""Gradient-boosted trees on codes, and the importance of each latent to them."""

import functools
from typing import Any

import lightgbm
import numpy as np
from scipy.special import softmax

# The defaults of scikit-learn's GradientBoostingClassifier and -Regressor, which are the published values.
_LEARNING_RATE, _DEPTH = 0.1, 3
_LEAVES = 2**_DEPTH
_TREES = {
    "max_depth": _DEPTH,
    "num_leaves": _LEAVES,
    "min_data_in_leaf": 1,
    "min_sum_hessian_in_leaf": 0.0,
    "lambda_l2": 0.0,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
    # Factors are fitted in parallel. LightGBM's threads wait for each other at each of thousands of small trees, which
    # took a hundred times as long on busy cores.
    "num_threads": 1,
}


def boosted_classes(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, trees: int = 100
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Multinomial gradient boosting (Friedman, 2001, Algorithm 6), as in scikit-learn's GradientBoostingClassifier.

    For each of V classes, a round fits a tree of depth 3 to the residuals r = [y = v] - p_v by least squares, and adds
    0.1 (V-1)/V sum r / sum |r| (1 - |r|) over each leaf to the logits. The importance of a column is the squared error
    that its splits remove from the residuals. The trees are LightGBM's, which considers splits at 255 quantiles instead
    of at all values. Its own boosting and gains would weigh by second derivatives instead.

    Args:
        x: float64 [N, D], inputs.
        y: int [N], classes.
        x_test: float64 [M, D].
        trees: int, the number of rounds.

    Returns:
        The importance, float64 [D], which sums to 1 (or is 0 if no split helps), and predictions [N] and [M].
    """
    values, y, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(values) == 1 or not np.ptp(x, axis=0).any():
        most = values[counts.argmax()]
        return np.zeros(x.shape[1]), np.full(len(x), most), np.full(len(x_test), most)
    truth, both = np.eye(len(values))[y], np.concatenate([x, x_test])
    logits = np.tile(np.log(counts / len(y)), (len(both), 1))
    booster = lightgbm.Booster(
        {**_TREES, "objective": "none", "num_class": len(values), "learning_rate": 1.0}, _data(x, y)
    )
    first_leaf = np.arange(len(values)) * _LEAVES
    for number in range(trees):
        residuals = truth - softmax(logits[: len(x)], axis=1)
        # With all second derivatives 1, the gain of a split is the squared error that it removes.
        booster.update(fobj=functools.partial(_least_squares, residuals))
        leaves = booster.predict(both, start_iteration=number, num_iteration=1, pred_leaf=True, num_threads=1)
        leaves = first_leaf + np.asarray(leaves, np.int64)
        inside, size = leaves[: len(x)].ravel(), len(values) * _LEAVES
        curvature = np.bincount(inside, (np.abs(residuals) * (1 - np.abs(residuals))).ravel(), size)
        step = _LEARNING_RATE * (len(values) - 1) / len(values) * np.bincount(inside, residuals.ravel(), size)
        logits += np.divide(step, curvature, out=np.zeros(size), where=curvature > 1e-150)[leaves]
    predictions = values[logits.argmax(axis=1)]
    return _shares(booster), predictions[: len(x)], predictions[len(x) :]


def boosted_values(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, trees: int = 100
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient boosting for regression by least squares (Friedman, 2001, Algorithm 2), with trees of depth 3.

    Args:
        x: float64 [N, D], inputs.
        y: float64 [N], targets.
        x_test: float64 [M, D].
        trees: int, the number of rounds.

    Returns:
        The importance, float64 [D], as in `boosted_classes`, and predictions [N] and [M].
    """
    if not np.ptp(y) or not np.ptp(x, axis=0).any():
        return np.zeros(x.shape[1]), np.full(len(x), y.mean()), np.full(len(x_test), y.mean())
    parameters = {**_TREES, "objective": "regression", "learning_rate": _LEARNING_RATE}
    booster = lightgbm.train(parameters, _data(x, y), num_boost_round=trees)
    fitted, predicted = (np.asarray(booster.predict(inputs, num_threads=1)) for inputs in (x, x_test))
    return _shares(booster), fitted, predicted


def boosting_seconds(rows: int, columns: int, trees: int) -> float:
    """The estimated time of one core, for inputs [rows, columns]; `boosted_classes` has V trees a round.

    It was measured for 10 to 512 columns and 3 to 40 classes. Sorting the inputs into bins takes as long as 48 trees.
    """
    return trees * 1e-4 + 4.2e-9 * rows * (columns + 15) * (trees + 48)


def _least_squares(residuals: np.ndarray, scores: np.ndarray, data: Any) -> tuple[np.ndarray, np.ndarray]:
    """The first and second derivatives of half the squared residuals."""
    del scores, data
    return -residuals, np.ones_like(residuals)


def _data(x: np.ndarray, y: np.ndarray) -> Any:
    # By default LightGBM has at least 3 samples in a bin, and drops columns that its rules cannot split.
    parameters = {"min_data_in_bin": 1, "feature_pre_filter": False, "verbosity": -1, "num_threads": 1}
    return lightgbm.Dataset(x, y, params=parameters)


def _shares(booster: Any) -> np.ndarray:
    gains = booster.feature_importance("gain")
    return gains / gains.sum() if gains.sum() > 0 else np.zeros(len(gains))
