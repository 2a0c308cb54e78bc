"""The beta-VAE metric: a linear classifier of mean absolute differences."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from tfvae.codes.codes import Codes
from tfvae.data.factors import Factors
from tfvae.metrics.sampling import binned, over_repeats, scored_columns

# Pairs of images looked up at a time: a bound on memory (about 100 MB for ten latents and five factors).
_CHUNK = 200_000


def beta_vae_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    pairs: int = 200,
    train: int = 10_000,
    evaluation: int = 800,
    classifier: str = "logistic",
    iterations: int = 10_000,
    collapsed_kl: float = 0.01,
    bins: int = 20,
    repeats: int = 5,
) -> dict[str, float]:
    """Accuracy of a linear classifier that names the factor shared by pairs of images.

    A point: choose a factor k, draw L pairs of images that share the value of that factor, all else random;
        x = (1/L) sum_l |mu(x_1l) - mu(x_2l)|,    label k
    (Higgins et al., 2017; Kim & Mnih, 2018, Section 4). The metric has a known failure mode: a code that lacks one
    factor can score 1, since that factor is told by no latent being still. Latents that have collapsed to the prior
    are left out: standardising would make a code of what is none.

    Its value depends on how the classifier is trained, see `classifier`; compare like with like:

    - "logistic": multinomial logistic regression on standardised features, run to its optimum. It does not depend on
      the scale of the latents, a learning rate or a number of iterations. The noise-free choice, which Appendix B of
      Kim & Mnih (2018) recommends and did not use.
    - "adagrad": the paper's classifier: Adagrad, learning rate 0.01, 10,000 iterations of 10 points each, on the
      features as they are. The published budget draws new points for each iteration: train=100_000; fewer are
      gone through again, in a new order.

    Args:
        codes: codes of a data set with known factors. Where they are no grid, the second image of a pair is drawn among
            those that share the factor's value with the first.
        rng: source of all randomness.
        pairs: int, pairs of one point (L).
        train: int, points that train the classifier.
        evaluation: int, points on which it is evaluated.
        classifier: "logistic" or "adagrad".
        iterations: int >= 1, of Adagrad; logistic regression stops by itself.
        collapsed_kl: float, in nats; latents of less or equal KL to the prior, and constant ones, are left out. A
            negative number lets all pass that vary.
        bins: int >= 2, into which a continuous factor is cut, of equally many images that count as of one value.
        repeats: int, independent draws of all points; the scores are averaged.

    Returns:
        "score": accuracy on the evaluation points, mean over the repeats; "standard_error" of that mean, from the
        spread of the repeats (of the binomial when there is one): it tells what the points leave open, and nothing
        about the spread over training seeds; "train_accuracy": on the training points. Codes that do not vary at all
        score 1/K, as a random classifier does.

    Raises:
        ValueError: a parameter is out of its range, or there are fewer than two factors.
    """
    if classifier not in _CLASSIFIERS:
        raise ValueError(f"Expected a classifier out of {sorted(_CLASSIFIERS)}. Received: classifier={classifier!r}")
    if pairs < 1 or train < 1 or evaluation < 1 or iterations < 1:
        raise ValueError(
            "Expected pairs >= 1, train >= 1, evaluation >= 1 and iterations >= 1. Received: "
            f"pairs={pairs}, train={train}, evaluation={evaluation}, iterations={iterations}"
        )
    columns, shared = scored_columns(codes.data), binned(codes.data.factors, bins)
    factors, active = len(columns), codes.active_latents(rng, collapsed_kl)

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
    """Mean absolute differences of the codes of pairs that share one factor, of a category [c != c'].

    Args:
        codes: codes of a data set with known factors.
        rng: source of all randomness.
        points: int, number of points (P).
        pairs: int, pairs of images a point (L).
        factors: those that pairs share a value of, by default those of the data.

    Returns:
        float64 [P, D] features and int [P] labels: the place of the shared factor among the scored ones.
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
        difference = np.abs(codes.mean(first) - codes.mean(second))
        difference[:, discrete] = difference[:, discrete] > 0
        features[start : start + step] = difference.reshape(-1, pairs, codes.latent_dim).mean(axis=1, dtype=np.float64)
    return features, labels


def _logistic(
    features: np.ndarray, labels: np.ndarray, classes: int, rng: np.random.Generator, iterations: int = 10_000
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regression to convergence: weights [D, K] and bias [K] for the features as they are.

    The L2 penalty, 5e-5 of the squared weights a point, is there to make the optimum finite when classes separate.
    """
    del rng, iterations
    weights, bias = np.zeros((features.shape[1], classes)), np.full(classes, -np.inf)
    present = np.unique(labels)
    bias[present] = 0
    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread == 0] = 1
    if len(present) > 1:
        # All that the optimum depends on is said here: defaults of scikit-learn have changed between versions.
        model = LogisticRegression(solver="lbfgs", C=1e4 / len(labels), fit_intercept=True, tol=1e-5, max_iter=5_000)
        model.fit((features - centre) / spread, labels)
        # Two classes come as one row, of the second's logit against the first's.
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
