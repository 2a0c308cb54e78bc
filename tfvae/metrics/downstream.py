"""Downstream accuracy: how few labels are enough to predict the factors from a code."""

import warnings
from collections.abc import Collection
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from tfvae.codes.codes import Codes
from tfvae.metrics.boosting import boosted_classes, boosting_seconds
from tfvae.metrics.limits import check_cost
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import binned, over_splits, scored_columns, split_sizes, standardised


def downstream_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    labels: Collection[int] = (10, 100, 1_000, 10_000),
    test: int = 5_000,
    classifiers: Collection[str] = ("logistic", "boosted_trees"),
    trees: int = 100,
    bins: int = 20,
    repeats: int = 2,
) -> dict[str, Any]:
    """Accuracy of classifiers that predict the factors from all latents, by number of labels; higher is better.

    accuracy = (1/K) sum_k P(c_k(mu) = v_k),   c_k trained on n labelled images (Locatello et al., 2019, Section 5.4)

    In [0, 1]. It measures how useful a code is, not disentanglement: with many labels a rotated code may do as well.
    Latents are standardised, so the score is invariant to their order, offset and scale. Logistic regression has a
    fixed penalty, C = 1, where disentanglement_lib chooses one of ten by cross-validation, at fifty times the cost.
    Trees take about 14 s of CPU time for 10,000 labels of dSprites.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        labels: ints >= 2, numbers of labelled images; published: 10, 100, 1,000 and 10,000. If there are fewer images
            than the largest of these and the test images, all are reduced in proportion.
        test: int >= 1, the number of other images that evaluate the classifiers; published: 5,000.
        classifiers: any of "logistic" (multinomial) and "boosted_trees" (see `boosting`).
        trees: int >= 1, the number of boosting rounds; published: 100.
        bins: int >= 2.
        repeats: int >= 2, the number of splits.

    Returns:
        "score": the accuracy of the last classifier with the most labels; "standard_error" of it (see
        `sampling.over_splits`); "<classifier>_<labels>", the accuracy of each; "active_latents". Without active
        latents, the accuracy is that of predicting the most frequent value.

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the classifiers would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> few = {"downstream": {"labels": (30,), "trees": 10}}
        >>> result = score(factors, factors, metrics="downstream", parameters=few)
        >>> round(result["downstream"]["score"], 2)
        1.0
    """
    labels, classifiers = sorted(set(labels)), tuple(classifiers)
    if not labels or labels[0] < 2 or trees < 1 or not classifiers or not set(classifiers) <= set(_CLASSIFIERS):
        raise ValueError(
            f"Expected labels >= 2, trees >= 1 and classifiers out of {sorted(_CLASSIFIERS)}. Received: "
            f"labels={labels}, trees={trees}, classifiers={classifiers}"
        )
    active = codes.active_latents()
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    most, latents = split_sizes(len(codes.data), labels[-1], test)[0], int(active.sum())
    seconds = 0.0
    for number in labels:
        rows = max(2, number * most // labels[-1])
        for classes in (min(factors.sizes[column], rows) for column in columns):
            seconds += boosting_seconds(rows, latents, trees * classes) * ("boosted_trees" in classifiers)
            seconds += logistic_seconds(rows, latents, classes) * ("logistic" in classifiers)
    check_cost(
        f"downstream's classifiers for {sum(factors.sizes[column] for column in columns)} classes of {latents} latents",
        "fewer labels, trees, classifiers or repeats, or declare factors of many values as continuous",
        seconds=repeats * seconds,
    )

    def measure(train_indices: np.ndarray, test_indices: np.ndarray) -> dict[str, Any]:
        y, y_test = (factors.to_factors(indices)[:, columns] for indices in (train_indices, test_indices))

        def accuracy(case: tuple[str, int, int]) -> float:
            classifier, number, k = case
            rows = slice(max(2, number * len(train_indices) // labels[-1]))
            x, x_test = standardised(codes.means(train_indices[rows])[:, active], codes.means(test_indices)[:, active])
            return float(np.mean(_CLASSIFIERS[classifier](x, y[rows, k], x_test, trees) == y_test[:, k]))

        cases = [(classifier, number) for classifier in classifiers for number in labels]
        with warnings.catch_warnings():
            # Here few labels of many values are intended.
            warnings.filterwarnings("ignore", message="The number of unique classes")
            each = side_by_side(accuracy, ((*case, k) for case in cases for k in range(len(columns))))
        means = np.reshape(each, (len(cases), -1)).mean(axis=1)
        named = {f"{classifier}_{number}": mean for (classifier, number), mean in zip(cases, means, strict=True)}
        return {"score": means[-1], **named}

    result = over_splits(measure, len(codes.data), labels[-1], test, repeats, rng)
    return {**result, "active_latents": int(active.sum())}


def logistic_seconds(rows: int, columns: int, classes: int) -> float:
    """The estimated time of one core to fit a multinomial logistic regression."""
    return 5e-3 + 3e-8 * rows * (columns + 25) * classes


def _logistic(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, trees: int) -> np.ndarray:
    del trees
    values, counts = np.unique(y, return_counts=True)
    if len(values) == 1 or not x.any():
        return np.full(len(x_test), values[counts.argmax()])
    # Everything that the optimum depends on is set here: scikit-learn's defaults differ between versions.
    model = LogisticRegression(C=1.0, solver="lbfgs", fit_intercept=True, tol=1e-4, max_iter=5_000)
    return model.fit(x, y).predict(x_test)


def _boosted(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, trees: int) -> np.ndarray:
    return boosted_classes(x, y, x_test, trees)[2]


_CLASSIFIERS = {"logistic": _logistic, "boosted_trees": _boosted}
