"""DCI: disentanglement, completeness and informativeness."""

from typing import Any

import numpy as np
from sklearn.linear_model import Lasso

from tfvae.codes.codes import Codes
from tfvae.metrics.boosting import boosted_classes, boosted_values, boosting_seconds
from tfvae.metrics.limits import check_cost
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import over_splits, scored_columns, split_sizes, standardised


def dci_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    train: int = 10_000,
    test: int = 5_000,
    predictor: str = "boosted_trees",
    trees: int = 100,
    alpha: float = 0.02,
    repeats: int = 2,
) -> dict[str, Any]:
    """How far each latent is important to the predictor of a single factor; higher is better.

    With R_jk the importance of latent j to the predictor of factor k (Eastwood & Williams, 2018, Section 2):
        disentanglement = sum_j rho_j (1 - H_K(R_j. / sum_k R_jk)),   rho_j = sum_k R_jk / sum_jk R_jk
        completeness    = (1/K) sum_k (1 - H_D(R_.k / sum_j R_jk))
    where H_n is the entropy to base n. Disentanglement asks whether a latent serves one factor, completeness whether a
    factor is served by one latent. Each is in [0, 1]. Invariant to the order, offset and scale of latents. A code that
    lacks a factor loses little, since the trees of that factor spread their importance over all latents. A factor in
    two latents lowers only completeness.

    - "boosted_trees": trees that classify the values (see `boosting`; disentanglement_lib's choice). R is the error
      that splits on a latent remove, and informativeness is the accuracy. A continuous factor is regressed, and its
      informativeness is R^2, at least 0.
    - "lasso": the paper's choice: R = |w| of the linear regression of the standardised factor on the standardised
      latents with penalty alpha |w|_1. Informativeness is 1 - NRMSE (the paper reports NRMSE, the root mean square
      error divided by the standard deviation). It treats a factor's values as numbers, even the categories of a shape.

    Costs 100 trees for each value of each factor, 14 s of CPU time per split on dSprites; Lasso costs next to nothing.

    Args:
        codes: codes of data with known factors.
        rng: source of all randomness.
        train: int >= 1, the number of images that train the predictors; published: 10,000.
        test: int >= 1, the number of other images, for the informativeness; published: 5,000.
        predictor: "boosted_trees" or "lasso".
        trees: int >= 1, the number of boosting rounds; published: 100.
        alpha: float > 0, penalty of the Lasso; published: 0.02.
        repeats: int >= 2, the number of splits.

    Returns:
        "score": the disentanglement; "standard_error" of it (see `sampling.over_splits`); "completeness",
        "informativeness", "informativeness_train"; "importance": R, for each scored factor a list of the shares of the
        D latents (0 for those left out); "active_latents". Without active latents, all but informativeness are 0.

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the trees would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> result = score(factors, factors, metrics="dci")
        >>> round(result["dci"]["score"], 2)
        1.0
    """
    if predictor not in ("boosted_trees", "lasso") or alpha <= 0 or trees < 1:
        raise ValueError(
            "Expected predictor 'boosted_trees' or 'lasso', alpha > 0 and trees >= 1. Received: "
            f"predictor={predictor!r}, alpha={alpha}, trees={trees}"
        )
    active = codes.active_latents()
    factors, columns = codes.data.factors, scored_columns(codes.data)
    if predictor == "boosted_trees":
        rows, latents = split_sizes(len(codes.data), train, test)[0], int(active.sum())
        classes = [1 if factors.continuous[column] else min(factors.sizes[column], rows) for column in columns]
        check_cost(
            f"dci's trees for {sum(classes)} classes of {latents} latents",
            "predictor='lasso' or fewer train, trees or repeats, or declare factors of many values as continuous",
            seconds=repeats * sum(boosting_seconds(rows, latents, trees * each) for each in classes),
        )

    def measure(train_indices: np.ndarray, test_indices: np.ndarray) -> dict[str, Any]:
        x, x_test = standardised(codes.means(train_indices)[:, active], codes.means(test_indices)[:, active])

        def predict(column: int) -> tuple[np.ndarray, float, float]:
            numbers, classes = (
                [take(indices)[:, column] for indices in (train_indices, test_indices)]
                for take in (factors.values_of, factors.to_factors)
            )
            if predictor == "lasso":
                return _by_lasso(x, numbers[0], x_test, numbers[1], alpha)
            if factors.continuous[column]:
                importance, fitted, predicted = boosted_values(x, numbers[0], x_test, trees)
                return importance, _explained(numbers[0], fitted), _explained(numbers[1], predicted)
            importance, fitted, predicted = boosted_classes(x, classes[0], x_test, trees)
            return importance, float(np.mean(fitted == classes[0])), float(np.mean(predicted == classes[1]))

        rows, trained, tested = zip(*side_by_side(predict, columns), strict=True)
        importance = np.zeros((active.size, len(columns)))
        importance[active] = np.transpose(rows)
        return {
            "score": disentanglement(importance[active]),
            "completeness": completeness(importance[active]),
            "informativeness": np.mean(tested),
            "informativeness_train": np.mean(trained),
            "importance": importance.T,
        }

    result = over_splits(measure, len(codes.data), train, test, repeats, rng)
    return {**result, "active_latents": int(active.sum())}


def disentanglement(importance: np.ndarray) -> float:
    """Eastwood & Williams' D of an importance matrix [D, K] >= 0; 0 if the matrix is 0."""
    weights = importance.sum(axis=1)
    return float(np.average(_concentration(importance.T), weights=weights)) if weights.any() else 0.0


def completeness(importance: np.ndarray) -> float:
    """Eastwood & Williams' C of an importance matrix [D, K] >= 0, averaged over factors; 0 for a column of zeros."""
    return float(_concentration(importance).mean())


def _concentration(importance: np.ndarray) -> np.ndarray:
    """1 - H_n(column / its sum) of each column [n, m] -> float64 [m]; 0 for a column of zeros, 1 where n = 1."""
    total = importance.sum(axis=0)
    shares = np.divide(importance, total, out=np.zeros(importance.shape), where=total > 0)
    logs = np.log(shares, out=np.zeros(shares.shape), where=shares > 0)
    base = np.log(len(importance)) if len(importance) > 1 else 1.0
    return np.where(total > 0, 1 + np.sum(shares * logs, axis=0) / base, 0.0)


def _by_lasso(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, alpha: float
) -> tuple[np.ndarray, float, float]:
    """|w| [D], and 1 - NRMSE, at least 0, on the training and the test images."""
    y, y_test = (values[:, 0] for values in standardised(y[:, None], y_test[:, None]))
    if not x.shape[1] or not y.any():
        return np.zeros(x.shape[1]), 0.0, 0.0
    model = Lasso(alpha=alpha, fit_intercept=True, tol=1e-6, max_iter=10_000, selection="cyclic").fit(x, y)
    errors = [np.sqrt(np.mean((model.predict(x) - y) ** 2)), np.sqrt(np.mean((model.predict(x_test) - y_test) ** 2))]
    return np.abs(model.coef_), *(float(max(0.0, 1 - error)) for error in errors)


def _explained(truth: np.ndarray, predicted: np.ndarray) -> float:
    """R^2, at least 0: the share of the variance that is explained."""
    variance = np.var(truth)
    return float(max(0.0, 1 - np.mean((truth - predicted) ** 2) / variance)) if variance > 0 else 0.0
