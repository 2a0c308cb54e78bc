"""Explicitness: whether a linear classifier can recognise the values of a factor."""

from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from tfvae.codes.codes import Codes
from tfvae.metrics.downstream import logistic_seconds
from tfvae.metrics.limits import check_cost
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import binned, over_splits, scored_columns, split_sizes, standardised

# The outer squares of inputs, as floats, that are kept at once (256 MB); above that the second derivatives of each
# target are computed by themselves.
_SQUARES = 2**25


def explicitness_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    train: int = 10_000,
    test: int = 5_000,
    classifier: str = "one_vs_rest",
    bins: int = 20,
    repeats: int = 3,
) -> dict[str, Any]:
    """Area under the ROC curve of linear classifiers of the values of the factors; higher is better.

        score = (1/K) sum_k (1/V_k) sum_v AUC(p(v_k = v | mu); v_k = v)      (Ridgeway & Mozer, 2018, Section 3)

    In [0, 1], and 0.5 for uninformative codes. Invariant to the order, offset and scale of latents. It does not require
    one latent per factor: a rotated code scores the same. A perfect code scores less than 1 if no half-space separates
    the middle values of a factor from the others, see `ceiling`. Costs a classifier for each factor or value.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        train: int >= 1, the number of images that train the classifiers; published: 10,000.
        test: int >= 1, the number of other images that evaluate them; published: 5,000.
        classifier: "one_vs_rest", a logistic regression of each value against all others, with probabilities scaled to
            sum to 1. This is the paper's choice, and what scikit-learn 0.21 did for disentanglement_lib's published
            scores, whose penalty is kept: 0.5 |(w, b)|^2 is added to the sum over images. Or "multinomial", which the
            same code does since scikit-learn 0.22, and which scores about 0.05 higher on dSprites.
        bins: int >= 2.
        repeats: int >= 2, the number of splits.

    Returns:
        "score" on the test images, "standard_error" (see `sampling.over_splits`), "train_score", "per_factor", the
        test score of each scored factor, and "active_latents".

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the classifiers would take too long
            or too much memory.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.tile(np.indices((3, 4, 5)).reshape(3, -1).T, (20, 1))  # [1200, 3]
        >>> perfect, missing = factors, factors[:, :2]
        >>> results = [score(codes, factors, metrics="explicitness") for codes in (perfect, missing)]
        >>> [round(result["explicitness"]["score"], 2) for result in results]
        [1.0, 0.82]
    """
    if classifier not in ("one_vs_rest", "multinomial"):
        raise ValueError(f"Expected 'one_vs_rest' or 'multinomial'. Received: classifier={classifier!r}")
    active = codes.active_latents()
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    rows, latents = split_sizes(len(codes.data), train, test)[0], int(active.sum())
    classes = [min(factors.sizes[column], rows) for column in columns]
    seconds = logistic_seconds if classifier == "multinomial" else _newton_seconds
    check_cost(
        f"explicitness's classifiers for {sum(classes)} classes of {latents} latents",
        "fewer train or repeats, or declare factors of many values as continuous",
        seconds=repeats * sum(seconds(rows, latents, each) for each in classes),
        # Probabilities, targets, ranks and their temporaries.
        memory=8 * 8 * rows * max(classes),
    )

    def measure(train_indices: np.ndarray, test_indices: np.ndarray) -> dict[str, Any]:
        x, x_test = standardised(codes.means(train_indices)[:, active], codes.means(test_indices)[:, active])
        y, y_test = factors.to_factors(train_indices)[:, columns], factors.to_factors(test_indices)[:, columns]

        def both(k: int) -> tuple[float, float]:
            values, probability = _fit(x, y[:, k], classifier)
            return _auc(probability(x), y[:, k], values), _auc(probability(x_test), y_test[:, k], values)

        trained, tested = np.transpose(side_by_side(both, range(len(columns))))
        return {"score": tested.mean(), "train_score": trained.mean(), "per_factor": tested}

    result = over_splits(measure, len(codes.data), train, test, repeats, rng)
    return {**result, "active_latents": int(active.sum())}


def _fit(x: np.ndarray, y: np.ndarray, classifier: str) -> Any:
    """The values of a factor [V], and a function from codes [n, D] to their probabilities [n, V]."""
    values = np.unique(y)
    if len(values) == 1 or not x.shape[1]:
        return values, lambda inputs: np.ones((len(inputs), len(values)))
    if classifier == "multinomial":
        # Everything that the optimum depends on is set here: scikit-learn's defaults differ between versions.
        model = LogisticRegression(C=1.0, solver="lbfgs", fit_intercept=True, tol=1e-4, max_iter=5_000)
        return values, model.fit(x, y).predict_proba
    weights = one_vs_rest(x, y[:, None] == values)

    def probability(inputs: np.ndarray) -> np.ndarray:
        each = expit(inputs @ weights[:, :-1].T + weights[:, -1])
        return each / each.sum(axis=1, keepdims=True)

    return values, probability


def one_vs_rest(x: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Logistic regressions on the same inputs, by one Newton's method: the same as scikit-learn's liblinear with C = 1.

    minimise over w, for each target t:  0.5 |w|^2 - sum_n log p(t_n | w . (x_n, 1))

    Args:
        x: float64 [N, D], standardised.
        targets: bool [N, V].

    Returns:
        float64 [V, D + 1]: the weights, then the bias.
    """
    inputs = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    size = inputs.shape[1]
    if len(x) * size**2 <= _SQUARES:
        # One product with the outer squares of the inputs gives the second derivatives of all targets.
        squares = (inputs[:, :, None] * inputs[:, None, :]).reshape(len(x), -1)

        def newton(slopes: np.ndarray, gradient: np.ndarray) -> np.ndarray:
            curvature = (slopes.T @ squares).reshape(-1, size, size) + np.eye(size)
            return np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
    else:

        def newton(slopes: np.ndarray, gradient: np.ndarray) -> np.ndarray:
            curvatures = (inputs.T @ (inputs * slope[:, None]) + np.eye(size) for slope in slopes.T)
            return np.stack([np.linalg.solve(*each) for each in zip(curvatures, gradient, strict=True)])

    weights = np.zeros((targets.shape[1], size))
    for _ in range(50):
        p = expit(inputs @ weights.T)
        gradient = (p - targets).T @ inputs + weights
        step = newton(p * (1 - p), gradient)
        # The loss is convex with bounded third derivatives: shorter steps avoid overshooting from a distant start.
        weights -= step / np.maximum(1, np.abs(step).max(axis=1, keepdims=True) / 2)
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _newton_seconds(rows: int, columns: int, classes: int) -> float:
    """The estimated time of one core for `one_vs_rest` and the areas under its curves."""
    return 1.2e-9 * rows * (columns + 1) ** 2 * classes + 1e-6 * rows * classes


def _auc(probability: np.ndarray, y: np.ndarray, values: np.ndarray) -> float:
    """Mean over values of the area under the ROC curve, except for values that all or none of the images have.

    AUC = (sum of the ranks of the P positives - P (P+1) / 2) / (P N), ties have their mean rank (Mann & Whitney, 1947)
    """
    is_value = y[:, None] == values
    positives = is_value.sum(axis=0)
    negatives = len(y) - positives
    areas = (np.sum(rankdata(probability, axis=0) * is_value, axis=0) - positives * (positives + 1) / 2) / np.maximum(
        positives * negatives, 1
    )
    known = (positives > 0) & (negatives > 0)
    return float(areas[known].mean()) if known.any() else 0.5
