"""SAP: separated attribute predictability."""

from typing import Any

import numpy as np
from sklearn.svm import LinearSVC

from tfvae.codes.codes import Codes
from tfvae.metrics.limits import check_cost
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import over_splits, scored_columns, split_sizes, standardised


def sap_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    train: int = 10_000,
    test: int = 5_000,
    repeats: int = 3,
) -> dict[str, Any]:
    """How much better the best latent predicts a factor than the second one; higher is better.

        SAP = (1/K) sum_k (S_j*k - max_{j != j*} S_jk),   j* = argmax_j S_jk      (Kumar et al., 2018, Section 3)

    S_jk is the accuracy on test images of a linear classifier that predicts factor k from mu_j alone (a support vector
    machine that weights all classes equally); for a continuous factor it is the squared correlation. In [0, 1], but
    linear classifiers cut a line into few classes: a perfect code of dSprites scores 0.243, see `ceiling`. Latents are
    standardised, so the score is invariant to their order, offset and scale. disentanglement_lib does not standardise,
    and its penalty suppresses latents of small scale. Costs D K classifiers.

    Args:
        codes: codes of data with known factors.
        rng: source of all randomness.
        train: int >= 1, the number of images that train the classifiers; published: 10,000.
        test: int >= 1, the number of other images that evaluate them; published: 5,000.
        repeats: int >= 2, the number of splits.

    Returns:
        "score", "standard_error" (see `sampling.over_splits`), "per_factor", the gap of each scored factor, and
        "active_latents". With one active latent the second is one that does not vary; with none the score is 0.

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the classifiers would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, copies = factors, np.hstack([factors, factors])
        >>> results = [score(codes, factors, metrics="sap") for codes in (perfect, copies)]
        >>> [round(result["sap"]["score"], 2) for result in results]
        [0.43, 0.0]
    """
    active = codes.active_latents()
    factors, columns = codes.data.factors, scored_columns(codes.data)
    rows, latents = split_sizes(len(codes.data), train, test)[0], int(active.sum())
    classes = [min(factors.sizes[column], rows) for column in columns if not factors.continuous[column]]
    correlations = latents * (len(columns) - len(classes))
    check_cost(
        f"sap's classifiers for {sum(classes)} classes of each of {latents} latents",
        "fewer train or repeats, or declare factors of many values as continuous",
        seconds=repeats * (latents * sum(_seconds(rows, each) for each in classes) + 3e-5 * correlations),
    )

    def measure(train_indices: np.ndarray, test_indices: np.ndarray) -> dict[str, Any]:
        x, x_test = standardised(codes.means(train_indices)[:, active], codes.means(test_indices)[:, active])
        # Columns of zeros stand for missing latents, so that there are always two.
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


def _seconds(rows: int, classes: int) -> float:
    """The estimated time of one core for `_accuracy`."""
    return 1e-3 + rows * (1.5e-6 + 1e-7 * classes)


def _accuracy(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> float:
    """The accuracy of a linear classifier of a single number: [n], int [n], [m], int [m]."""
    values, counts = np.unique(y, return_counts=True)
    if len(values) == 1 or not x.any():
        # The accuracy of a constant classifier.
        return float(np.mean(y_test == values[counts.argmax()]))
    # Everything that the optimum depends on is set here: scikit-learn's defaults differ between versions.
    model = LinearSVC(C=0.01, class_weight="balanced", loss="squared_hinge", dual=False, tol=1e-4, max_iter=1_000)
    return float(model.fit(x[:, None], y).score(x_test[:, None], y_test))


def _squared_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """R^2 of the linear regression of one on the other, 0 if one does not vary: [n], [n]."""
    x, y = x - x.mean(), y - y.mean()
    scale = (x @ x) * (y @ y)
    return float((x @ y) ** 2 / scale) if scale > 0 else 0.0
