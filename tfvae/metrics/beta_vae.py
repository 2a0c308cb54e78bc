"""The beta-VAE metric: a linear classifier of mean absolute differences of codes."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from tfvae.codes.codes import Codes
from tfvae.data.factors import Factors
from tfvae.metrics.limits import check_cost
from tfvae.metrics.sampling import binned, over_repeats, scored_columns

# The number of pairs that are drawn at once, and of numbers that are looked up at once, which bound memory (about
# 100 MB for ten latents and five factors).
_CHUNK = 200_000
_NUMBERS = 2_500_000


def beta_vae_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    pairs: int = 200,
    train: int = 10_000,
    evaluation: int = 800,
    classifier: str = "logistic",
    iterations: int = 10_000,
    bins: int = 20,
    repeats: int = 5,
) -> dict[str, float]:
    """Accuracy of a linear classifier that predicts which factor pairs of images share; higher is better.

    For a point, choose a factor k, draw L pairs of images that share that factor's value and are random otherwise;
        x = (1/L) sum_l |mu(x_1l) - mu(x_2l)|,    label k
    (Higgins et al., 2017; Kim & Mnih, 2018, Section 4). The metric has a known failure mode: a code that lacks one
    factor can score 1, because the classifier recognises that factor by the fact that every latent varies. Latents that
    carry nothing (`Codes.active_latents`) are left out, since standardising would turn their noise into a code.

    The score depends on how the classifier is trained, so compare only scores of the same `classifier`:

    - "logistic": multinomial logistic regression on standardised features, run to its optimum. It does not depend on
      the scale of latents, a learning rate or a number of iterations. Appendix B of Kim & Mnih (2018) recommends this
      noise-free choice but does not use it.
    - "adagrad": the paper's classifier: Adagrad, learning rate 0.01, 10,000 iterations of 10 points each, on the
      features as they are. The published budget draws new points for each iteration: train=100_000. Fewer points are
      used repeatedly, each time in a new order.

    Args:
        codes: codes of a data set with known factors. If these are not a grid, the second image of a pair is drawn from
            those that share the factor's value with the first.
        rng: source of all randomness.
        pairs: int, the number of pairs in a point (L).
        train: int, the number of points that train the classifier.
        evaluation: int, the number of points that evaluate it.
        classifier: "logistic" or "adagrad".
        iterations: int >= 1, of Adagrad; logistic regression stops by itself.
        bins: int >= 2, the number of bins of equally many images into which a continuous factor is cut. The images of a
            bin count as sharing a value.
        repeats: int, the number of independent draws of all points; the scores are averaged.

    Returns:
        "score": the accuracy on the evaluation points, averaged over the repeats; "standard_error" of that mean, from
        the spread of the repeats (of the binomial if there is only one). It covers the choice of points, but not the
        spread over training seeds. "train_accuracy": the accuracy on the training points. Codes that do not vary score
        1/K, as a random classifier does.

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the pairs would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> few = {"beta_vae": {"train": 500, "repeats": 1}}
        >>> result = score(factors, factors, metrics="beta_vae", parameters=few)
        >>> round(result["beta_vae"]["score"], 2)
        1.0
    """
    if classifier not in _CLASSIFIERS:
        raise ValueError(f"Expected a classifier out of {sorted(_CLASSIFIERS)}. Received: classifier={classifier!r}")
    if pairs < 1 or train < 1 or evaluation < 1 or iterations < 1:
        raise ValueError(
            "Expected pairs >= 1, train >= 1, evaluation >= 1 and iterations >= 1. Received: "
            f"pairs={pairs}, train={train}, evaluation={evaluation}, iterations={iterations}"
        )
    columns, shared = scored_columns(codes.data), binned(codes.data.factors, bins)
    factors, active = len(columns), codes.active_latents()
    numbers = repeats * (train + evaluation) * pairs * active.size
    check_cost(
        f"beta_vae's {repeats * (train + evaluation) * pairs:,} pairs of images of {active.size} latents",
        "fewer train, evaluation, pairs or repeats",
        seconds=1e-8 * numbers,
    )

    def repeat() -> tuple[float, float]:
        features, labels = difference_features(codes, rng, train, pairs, shared)
        new_features, new_labels = difference_features(codes, rng, evaluation, pairs, shared)
        features, new_features = features[:, active], new_features[:, active]
        if not features.any() and not new_features.any():
            return 1 / factors, 1 / factors
        weights, bias = _CLASSIFIERS[classifier](features, labels, factors, rng, iterations)
        return (
            float(np.mean((new_features @ weights + bias).argmax(axis=1) == new_labels)),
            float(np.mean((features @ weights + bias).argmax(axis=1) == labels)),
        )

    return over_repeats(repeat, repeats, evaluation)


def difference_features(
    codes: Codes, rng: np.random.Generator, points: int, pairs: int, factors: Factors | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute differences of the codes of pairs that share one factor; [c != c'] for a category.

    Args:
        codes: codes of a data set with known factors.
        rng: source of all randomness.
        points: int, the number of points (P).
        pairs: int, the number of pairs in a point (L).
        factors: the factors that pairs share a value of; by default those of the data.

    Returns:
        Features, float64 [P, D], and labels, int [P]: the index of the shared factor among the scored ones.
    """
    factors, columns = factors or codes.data.factors, scored_columns(codes.data)
    labels = rng.integers(len(columns), size=points)
    features, discrete = np.empty((points, codes.latent_dim)), list(codes.discrete)
    step = max(1, _CHUNK // pairs)
    for start in range(0, points, step):
        shared = np.repeat(labels[start : start + step], pairs)
        first = factors.sample(shared.size, rng)
        second = np.empty_like(first)
        for k, column in enumerate(columns):
            second[shared == k] = factors.partners(first[shared == k], column, rng)
        block = pairs * max(1, _NUMBERS // (pairs * codes.latent_dim))
        for at in range(0, shared.size, block):
            difference = np.abs(codes.means(first[at : at + block]) - codes.means(second[at : at + block]))
            difference[:, discrete] = difference[:, discrete] > 0
            difference = difference.reshape(-1, pairs, codes.latent_dim).mean(axis=1, dtype=np.float64)
            features[start + at // pairs :][: len(difference)] = difference
    return features, labels


def _logistic(
    features: np.ndarray, labels: np.ndarray, classes: int, rng: np.random.Generator, iterations: int = 10_000
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regression, run to convergence: weights [D, K] and bias [K] for unscaled features.

    The L2 penalty, 5e-5 of the squared weights per point, keeps the optimum finite when classes separate.
    """
    del rng, iterations
    weights, bias = np.zeros((features.shape[1], classes)), np.full(classes, -np.inf)
    present = np.unique(labels)
    bias[present] = 0
    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread == 0] = 1
    if len(present) > 1:
        # Everything that the optimum depends on is set here: scikit-learn's defaults differ between versions.
        model = LogisticRegression(solver="lbfgs", C=1e4 / len(labels), fit_intercept=True, tol=1e-5, max_iter=5_000)
        model.fit((features - centre) / spread, labels)
        # For two classes scikit-learn has one row: the second's logit relative to the first's.
        several = len(present) > 2
        weights[:, present if several else present[1:]] = model.coef_.T / spread[:, None]
        bias[present if several else present[1:]] = model.intercept_
        bias -= centre @ weights
    return weights, bias


def _adagrad(
    features: np.ndarray, labels: np.ndarray, classes: int, rng: np.random.Generator, iterations: int = 10_000
) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression by Adagrad with the paper's budget: weights [D, K] and bias [K].

    w <- w - lr g / sqrt(a),  a <- a + g^2, with a = 0.1 and w = 0 at first (Duchi et al., 2011; TensorFlow's defaults).
    """
    learning_rate, batch = 0.01, 10
    inputs = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    targets = np.eye(classes)[labels]
    weights = np.zeros((inputs.shape[1], classes))
    accumulator = np.full_like(weights, 0.1)
    passes = -(-batch * iterations // len(labels))
    order = np.concatenate([rng.permutation(len(labels)) for _ in range(passes)])[: batch * iterations]
    for rows in order.reshape(iterations, batch):
        logits = inputs[rows] @ weights
        likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
        error = likelihoods / likelihoods.sum(axis=1, keepdims=True) - targets[rows]
        gradient = inputs[rows].T @ error / batch
        accumulator += gradient**2
        weights -= learning_rate * gradient / np.sqrt(accumulator)
    return weights[:-1], weights[-1]


_CLASSIFIERS = {"logistic": _logistic, "adagrad": _adagrad}
