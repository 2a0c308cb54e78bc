"""SAP: separated attribute predictability."""

from typing import Any

import numpy as np
from sklearn.svm import LinearSVC

from tfvae.codes.codes import Codes
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import over_splits, scored_columns, standardised


def sap_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    train: int = 10_000,
    test: int = 5_000,
    collapsed_kl: float = 0.01,
    repeats: int = 3,
) -> dict[str, Any]:
    """How much better the best latent predicts a factor than the second one does; higher is better.

        SAP = (1/K) sum_k (S_j*k - max_{j != j*} S_jk),   j* = argmax_j S_jk      (Kumar et al., 2018, Section 3)

    S_jk is the accuracy on test images of a linear classifier of factor k from mu_j alone (a support vector machine,
    classes weighted to count alike); for a continuous factor the squared correlation. In [0, 1], but a line is cut into
    few classes by linear classifiers: a perfect code of dSprites scores 0.243, see `ceiling`. Invariant to the order,
    offset and scale of latents: they are standardised, which disentanglement_lib does not do, so that its penalty
    silences latents of small scale. Costs D K classifiers.

    Args:
        codes: codes of data with known factors.
        rng: source of all randomness.
        train: int >= 1, images that train the classifiers; published: 10,000.
        test: int >= 1, other images on which they are evaluated; published: 5,000.
        collapsed_kl: float, in nats; latents of less or equal KL to the prior, and constant ones, are left out.
        repeats: int >= 2, number of splits.

    Returns:
        "score", "standard_error" (see `sampling.over_splits`), "per_factor": the gap of each scored factor,
        "active_latents". With a single latent left the second is one that does not vary, with none the score is 0.

    Raises:
        ValueError: a parameter is out of its range, or there are fewer than two factors.
    """
    active = codes.active_latents(rng, collapsed_kl)
    factors, columns = codes.data.factors, scored_columns(codes.data)

    def measure(train_indices: np.ndarray, test_indices: np.ndarray) -> dict[str, Any]:
        x, x_test = standardised(codes.mean(train_indices)[:, active], codes.mean(test_indices)[:, active])
        # Columns of zeros stand for latents that do not exist, so that there are always two.
        x, x_test = (np.pad(inputs, ((0, 0), (0, max(0, 2 - inputs.shape[1])))) for inputs in (x, x_test))
        y, y_test = (factors.to_factors(indices)[:, columns] for indices in (train_indices, test_indices))
        values = factors.values_of(train_indices)[:, columns]

        def predictability(k: int) -> list[float]:
            if factors.continuous[columns[k]]:
                return [_squared_correlation(column, values[:, k]) for column in x.T]
            return [_accuracy(x[:, j], y[:, k], x_test[:, j], y_test[:, k]) for j in range(x.shape[1])]

        ordered = np.sort(side_by_side(predictability, range(len(columns))), axis=1)
        gaps = ordered[:, -1] - ordered[:, -2]
        return {"score": gaps.mean(), "per_factor": gaps}

    result = over_splits(measure, len(codes.data), train, test, repeats, rng)
    return {**result, "active_latents": int(active.sum())}


def _accuracy(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> float:
    """Accuracy of a linear classifier of one number: [n], int [n], [m], int [m]."""
    values, counts = np.unique(y, return_counts=True)
    if len(values) == 1 or not x.any():
        # What the constant classifier can do.
        return float(np.mean(y_test == values[counts.argmax()]))
    # All that the optimum depends on is said here: defaults of scikit-learn have changed between versions.
    model = LinearSVC(C=0.01, class_weight="balanced", loss="squared_hinge", dual=False, tol=1e-4, max_iter=1_000)
    return float(model.fit(x[:, None], y).score(x_test[:, None], y_test))


def _squared_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """R^2 of the linear regression of one on the other, 0 where one does not vary: [n], [n]."""
    x, y = x - x.mean(), y - y.mean()
    scale = (x @ x) * (y @ y)
    return float((x @ y) ** 2 / scale) if scale > 0 else 0.0
