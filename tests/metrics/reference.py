"""Data whose images hold their factors, and the metrics as naive loops."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData

# The representation whose scores by disentanglement_lib (commit 86a644d, scikit-learn 1.9.1, seed 0, L = 64, 10,000
# points to train and 5,000 to evaluate) are quoted in the tests: the factors of dSprites, each scaled to [-1, 1],
# times this orthogonal matrix, and five codes of noise, U(-1, 1).
DSPRITES_SIZES = (3, 6, 40, 32, 32)
ROTATION = np.array(
    [
        [-5.94512893e-01, -7.26407011e-04, 2.19946723e-01, 5.11066323e-01, -5.80507144e-01],
        [-3.33646523e-01, -9.21592641e-04, -4.27060314e-01, 5.33379026e-01, 6.49465512e-01],
        [-6.85305762e-02, 9.82966230e-01, -1.37913871e-01, -8.29773545e-02, -5.63513441e-02],
        [-1.65395488e-01, -1.76009686e-01, -8.36450661e-01, -2.86733748e-01, -3.99748637e-01],
        [-7.09353446e-01, -5.28829317e-02, 2.24884378e-01, -6.04331486e-01, 2.79699047e-01],
    ]
)


class Pixels:
    """Images that are read as they are requested, so that they may be of 0 and 1 alone."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.shape, self._pixels = pixels.shape, pixels

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self._pixels[indices]


def grid(sizes: tuple[int, ...]) -> GroundTruthData:
    """One image [1, K, 1] for each point of a grid; its pixels are the factors."""
    space = FactorSpace(tuple(f"factor{k}" for k in range(len(sizes))), tuple(np.arange(size) for size in sizes))
    pixels = space.to_factors(np.arange(len(space))).astype(np.uint8)
    return GroundTruthData("grid", space, Pixels(pixels[:, None, :, None]))


def factors_in(images: np.ndarray) -> np.ndarray:
    """Factors [B, K] of images of a grid as an encoder is given them, scaled by 1/255."""
    return np.rint(np.asarray(images)[:, 0, :, 0] * 255).astype(np.int64)


def scaled_factors(data: GroundTruthData) -> np.ndarray:
    """Factors of all images, each in [-1, 1]: [N, K]."""
    sizes = np.array(data.factors.sizes)
    return 2 * data.factors.to_factors(np.arange(len(data))) / (sizes - 1) - 1


def oracle(rotated: bool) -> tuple[GroundTruthData, np.ndarray]:
    data = grid(DSPRITES_SIZES)
    factors = scaled_factors(data)
    noise = np.random.default_rng(0).uniform(-1, 1, factors.shape)
    return data, np.concatenate([factors @ ROTATION.T if rotated else factors, noise], axis=1)


def pairwise_variance(values, distance) -> float:
    """Var(x) = 1 / (2 N (N-1)) sum_{i,j} d(x_i, x_j)."""
    total = sum(distance(a, b) for a in values for b in values)
    return total / (2 * len(values) * (len(values) - 1))


def factor_vae(data, mean, active, rng, *, votes, evaluation_votes, batch, discrete=(), ignored=()) -> float:
    """The FactorVAE metric, one vote, image and latent at a time, on fewer images than scale_samples."""
    mean = np.asarray(mean, np.float64)
    space, sizes = data.factors, data.factors.sizes
    scored = [k for k in range(len(sizes)) if sizes[k] > 1 and k not in ignored]

    def variance(values, latent):
        if latent in discrete:
            return pairwise_variance(values, lambda a, b: float(a != b))
        centre = sum(values) / len(values)
        return sum((value - centre) ** 2 for value in values) / (len(values) - 1)

    over_data = [variance(list(mean[:, j]), j) for j in range(mean.shape[1])]

    def vote(images):
        lowest, winner = np.inf, None
        for j in range(mean.shape[1]):
            if not active[j]:
                continue
            values = [mean[image, j] for image in images]
            if variance(values, j) / over_data[j] < lowest:
                lowest, winner = variance(values, j) / over_data[j], j
        return winner

    def ballots(number):
        places = rng.integers(len(scored), size=number)
        images = [[first] for first in space.sample(number, rng)]
        for place, column in enumerate(scored):
            those = [i for i in range(number) if places[i] == place]
            firsts = [images[i][0] for i in those for _ in range(batch - 1)]
            others = iter(space.partners(np.array(firsts, int), column, rng))
            for i in those:
                images[i] += [next(others) for _ in range(batch - 1)]
        return [(vote(images[i]), scored[places[i]]) for i in range(number)]

    counts = dict.fromkeys(((j, k) for j in range(mean.shape[1]) for k in scored), 0)
    for ballot in ballots(votes):
        counts[ballot] += 1
    classifier = {j: max(scored, key=lambda k: counts[j, k]) for j in range(mean.shape[1])}
    correct = [classifier[latent] == fixed for latent, fixed in ballots(evaluation_votes)]
    return sum(correct) / len(correct)


def difference_features(data, mean, rng, points, pairs, ignored=()) -> tuple[np.ndarray, np.ndarray]:
    """Points of the beta-VAE metric, one pair at a time."""
    space, sizes = data.factors, data.factors.sizes
    scored = [k for k in range(len(sizes)) if sizes[k] > 1 and k not in ignored]
    labels = rng.integers(len(scored), size=points)
    first = space.sample(points * pairs, rng)
    features = np.zeros((points, mean.shape[1]))
    for place, column in enumerate(scored):
        those = [pair for pair in range(points * pairs) if labels[pair // pairs] == place]
        others = space.partners(first[those], column, rng)
        for pair, other in zip(those, others, strict=True):
            features[pair // pairs] += np.abs(mean[first[pair]] - mean[other]) / pairs
    return features, labels


def adagrad(features, labels, classes, order, learning_rate=0.01, accumulator=0.1) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression by Adagrad, one weight at a time."""
    inputs = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    weights = np.zeros((inputs.shape[1], classes))
    squares = np.full_like(weights, accumulator)
    for rows in order:
        old = weights.copy()
        for i in range(weights.shape[0]):
            for c in range(classes):
                gradient = 0.0
                for row in rows:
                    e = np.exp(inputs[row] @ old)
                    gradient += inputs[row, i] * (e[c] / e.sum() - (labels[row] == c)) / len(rows)
                squares[i, c] += gradient**2
                weights[i, c] -= learning_rate * gradient / np.sqrt(squares[i, c])
    return weights[:-1], weights[-1]


def dci(importance) -> tuple[float, float]:
    """Disentanglement and completeness of an importance matrix [D, K], one entry at a time."""
    latents, factors = range(len(importance)), range(len(importance[0]))
    total = sum(importance[j][k] for j in latents for k in factors)

    def certainty(row):
        shares = [each / sum(row) for each in row if each > 0]
        return 1 + sum(share * np.log(share) for share in shares) / np.log(len(row))

    rows = [[importance[j][k] for k in factors] for j in latents]
    columns = [[importance[j][k] for j in latents] for k in factors]
    disentanglement = sum(sum(row) / total * certainty(row) for row in rows)
    return disentanglement, sum(certainty(column) for column in columns) / len(columns)


def default_logistic_score(features, labels, new_features, new_labels) -> float:
    """The classifier of disentanglement_lib: scikit-learn's defaults on the features as they are, 100 iterations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression().fit(features, labels).score(new_features, new_labels)


class Index:
    """Names as pandas has them: compared item by item, and without a truth value."""

    def __init__(self, names):
        self.names = np.array(names, object)

    def __iter__(self):
        return iter(self.names)

    def __len__(self):
        return len(self.names)

    def __eq__(self, other):
        return self.names == other

    def __bool__(self):
        raise ValueError("The truth value of an Index is ambiguous.")


def group_unfairness(classes, groups) -> float:
    """How far the distribution of classes in a group is from that of all, averaged over images, one cell at a time."""
    values, total = sorted(set(classes)), 0.0
    for group in set(groups):
        inside = [c for c, g in zip(classes, groups, strict=True) if g == group]
        distance = 0.0
        for value in values:
            distance += abs(inside.count(value) / len(inside) - list(classes).count(value) / len(classes)) / 2
        total += len(inside) / len(classes) * distance
    return total


def halved_unfairness(classes, groups, rng) -> float:
    """The same without its bias, of units [U, M], ten halvings and one cell at a time."""
    total = 0.0
    for _ in range(10):
        order = rng.permutation(len(classes))
        halves = order[: (len(order) + 1) // 2], order[(len(order) + 1) // 2 :]
        for signs, sizes in (halves, halves[::-1]):
            for c in range(classes.max() + 1):
                for v in range(groups.max() + 1):
                    differences = [
                        np.mean((classes[units] == c) & (groups[units] == v))
                        - np.mean(classes[units] == c) * np.mean(groups[units] == v)
                        for units in (signs, sizes)
                    ]
                    total += np.sign(round(differences[0], 12)) * differences[1] / 2 / 2 / 10
    return total


def unfairness(data, mean, rng, train, points, classifier) -> float:
    """The unfairness as disentanglement_lib computes it, one pair of factors and one intervention at a time."""
    space, sizes, scores = data.factors, data.factors.sizes, []
    images = rng.integers(len(data), size=train)
    for target in range(len(sizes)):
        model = classifier().fit(mean[images], space.to_factors(images)[:, target])
        for sensitive in (k for k in range(len(sizes)) if k != target):
            factors = space.to_factors(space.sample(points, rng))
            classes, groups = [], []
            for value in range(sizes[sensitive]):
                factors[:, sensitive] = value
                classes += model.predict(mean[space.to_index(factors)]).tolist()
                groups += [value] * points
            scores.append(group_unfairness(classes, groups))
    return sum(scores) / len(scores)


def reduced_downstream(data, mean, rng, train, test, removed, classifier) -> list[float]:
    """Accuracies without 0, 1, ... latents as disentanglement_lib computes them, one factor and latent at a time."""
    images = rng.permutation(len(data))[: train + test]
    factors, totals = data.factors.to_factors(images), [0.0] * (removed + 1)
    for k in range(factors.shape[1]):
        left = list(range(mean.shape[1]))
        for number in range(removed + 1):
            model = classifier().fit(mean[images[:train]][:, left], factors[:train, k])
            totals[number] += model.score(mean[images[train:]][:, left], factors[train:, k]) / factors.shape[1]
            left.pop(int(np.argmax(model.feature_importances_)))
    return totals
