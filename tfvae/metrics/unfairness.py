"""Unfairness: how far predictions of one factor depend on another factor."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.data.factors import Factors
from tfvae.metrics.boosting import boosted_classes, boosting_seconds
from tfvae.metrics.limits import check_cost
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import averaged, binned, over_splits, scored_columns, split_sizes, standardised

_HALVES = 10  # with which the error is hardly larger than with very many
_FEWEST = 10  # images with each value of a factor, for interventions


def unfairness_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    train: int = 10_000,
    test: int = 5_000,
    points: int = 100,
    trees: int = 100,
    bins: int = 20,
    repeats: int = 2,
) -> dict[str, Any]:
    """How far predictions of a target factor depend on a sensitive one, over all pairs of factors; lower is better.

        unfairness(i, j) = sum_v p(s_j = v) TV(p(y_i | s_j = v), p(y_i)),   TV(p, q) = 1/2 sum_c |p(c) - q(c)|
                         = TV(p(y_i, s_j), p(y_i) p(s_j))
        score = 1/(K(K-1)) sum_{i != j} unfairness(i, j)

    where boosted trees (see `boosting`) predict y_i, the factor i, from all latents of an image (Locatello et al.,
    2019, "On the Fairness of Disentangled Representations", Section 4). In [0, 1]. It is 0 if no prediction depends on
    another factor, and 1 - 1/V if the predictions copy a sensitive factor of V equally frequent values. Invariant to
    the order, offset and scale of latents. A code that predicts nothing, such as a constant, is fair: see "accuracy".

    - Interventional, as published: images are encoded with the sensitive factor at each of its values and the others
      held. This takes a grid, of which other images train the trees. "interventional" says whether it is this one.
    - Conditional, for a table, or a grid so small that fewer than ten images have each value: p(y_i | s_j = v) of the
      test images whose factor j is v. It is the same if factors are independent. If they are correlated, as age and
      beard are, even predictions without an error depend on the other factor: "true_factors" is what these score.

    Frequencies differ even if their probabilities are equal, so the published estimate, "uncorrected", is too high: by
    0.05 for 3 classes and 6 groups of 100 images, by 0.22 for 32 and 32. The score takes the sign of each difference
    from other images than its size (see `dependence`). It is 0 on average if predictions are fair, so it may be below 0
    by chance. It is too low where differences are smaller than their errors: about half of 0.12 for 32 classes and 40
    groups with the defaults, which cost as much as `dci` and the encoding of 5,000 images for each factor.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        train: int >= 1, the number of images that train the trees; published: 10,000.
        test: int >= 1, the number of other images; for interventions, of those for each sensitive factor, test / V with
            each of its V values. If there are too few images, both numbers are reduced as in `sampling.over_splits`.
        points: int >= 1, for interventions: the most images with each value that "uncorrected" is of; published: 100.
        trees: int >= 1, the number of boosting rounds; published: 100.
        bins: int >= 2.
        repeats: int >= 2, the number of splits.

    Returns:
        "score"; "standard_error" of it (see `sampling.over_splits`); "uncorrected", the published estimate; "accuracy"
        of the predictions; "true_factors", the score of predictions that are the true factors; "pairs", K lists, one
        for each target, of K numbers, one for each sensitive factor and 0 for the target itself: their sum is K (K-1)
        times the score; "interventional"; "active_latents". Without active latents, predictions are the most frequent
        value, and fair.

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the trees would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.tile(np.indices((3, 4, 5)).reshape(3, -1).T, (20, 1))  # [1200, 3]
        >>> perfect, rotated = factors, factors @ [[1, 1, 0], [-1, 1, 0], [0, 0, 0]]
        >>> few = {"unfairness": {"train": 600, "test": 600, "trees": 20}}
        >>> results = [score(codes, factors, metrics="unfairness", parameters=few) for codes in (perfect, rotated)]
        >>> [result["unfairness"]["score"] > 0.05 for result in results]
        [False, True]
    """
    if points < 1 or trees < 1 or repeats < 2:
        given = f"points={points}, trees={trees}, repeats={repeats}"
        raise ValueError(f"Expected points >= 1, trees >= 1 and repeats >= 2. Received: {given}")
    active = codes.active_latents()
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    sizes, latents = [factors.sizes[column] for column in columns], int(active.sum())
    split_sizes(len(factors), train, test)  # which checks both
    rows, others = split_sizes(len(factors), train, test * len(columns))
    numbers = [others // len(columns) // size for size in sizes]
    interventional = factors.is_grid and min(numbers) >= _FEWEST
    if not interventional:
        rows = split_sizes(len(factors), train, test)[0]
    check_cost(
        f"unfairness's trees for {sum(sizes)} classes of {latents} latents",
        "fewer train, trees or repeats, or declare factors of many values as continuous",
        seconds=repeats * sum(boosting_seconds(rows, latents, trees * min(size, rows)) for size in sizes),
        # Counts of predictions and groups, and their temporaries.
        memory=8 * 8 * np.prod(sorted(sizes)[-2:], dtype=float),
    )

    def measure(train_indices: np.ndarray, images: list[np.ndarray]) -> dict[str, Any]:
        """The images that test each sensitive factor are int [U, M]: U units of M images that belong together."""
        codes.means(np.concatenate([each.ravel() for each in images]))  # encodes them once, not in threads
        x, y = codes.means(train_indices)[:, active], factors.to_factors(train_indices)[:, columns]

        def unfair(target: int, seed: int) -> tuple[np.ndarray, float]:
            found, correct, halves = np.zeros((3, len(columns))), [], np.random.default_rng(seed)
            others = [sensitive for sensitive in range(len(columns)) if sensitive != target]
            needed = np.unique(np.concatenate([images[j].ravel() for j in others]))
            inputs = standardised(x, codes.means(needed)[:, active])
            predicted = boosted_classes(inputs[0], y[:, target], inputs[1], trees)[2]
            for j in others:
                predictions = predicted[np.searchsorted(needed, images[j])]
                values = factors.to_factors(images[j].ravel())[:, columns].reshape(*images[j].shape, -1)
                truth, groups = values[..., target], values[..., j]
                few = slice(points if interventional else None)
                found[:, j] = (
                    dependence(predictions, groups, halves),
                    total_variation(predictions[few], groups[few]),
                    dependence(truth, groups, halves),
                )
                correct.append(np.mean(predictions == truth))
            return found, float(np.mean(correct))

        cases = enumerate(rng.integers(2**32, size=len(columns)))
        found, accuracies = zip(*side_by_side(lambda case: unfair(*case), cases), strict=True)
        pairs = np.stack(found, axis=1)
        means = pairs.sum(axis=(1, 2)) / (len(columns) * (len(columns) - 1))
        names = ("score", "uncorrected", "true_factors")
        return {**dict(zip(names, means, strict=True)), "accuracy": np.mean(accuracies), "pairs": pairs[0]}

    def intervene() -> dict[str, Any]:
        images = [
            _versions(factors, factors.sample(number, rng), column)
            for number, column in zip(numbers, columns, strict=True)
        ]
        rest = np.ones(len(factors), bool)
        rest[np.concatenate([each.ravel() for each in images])] = False
        return measure(rng.choice(np.flatnonzero(rest), rows, replace=False), images)

    def condition(train_indices: np.ndarray, test_indices: np.ndarray) -> dict[str, Any]:
        return measure(train_indices, [test_indices[:, np.newaxis]] * len(columns))

    if interventional:
        result = averaged([intervene() for _ in range(repeats)])
    else:
        result = over_splits(condition, len(factors), train, test, repeats, rng)
    return {**result, "interventional": interventional, "active_latents": latents}


def total_variation(classes: np.ndarray, groups: np.ndarray) -> float:
    """The total variation between the joint distribution of classes and groups, int >= 0, and that of independent ones.

        TV = 1/2 sum_cv |d_cv|,   d_cv = p(c, v) - p(c) p(v),   p the frequencies

    Examples:
        >>> from tfvae.metrics.unfairness import total_variation
        >>> copied = np.arange(60) % 3
        >>> round(total_variation(copied, copied), 3)
        0.667
    """
    shape = int(classes.max()) + 1, int(groups.max()) + 1
    return float(np.abs(_differences(classes * shape[1] + groups, shape)).sum() / 2)


def dependence(classes: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> float:
    """The same, estimated so that it is 0 on average if classes and groups are independent.

        TV = 1/2 sum_cv sign(d_cv) d_cv    with the signs of one random half of the images, and d of the other

    Args:
        classes: int [U, M] >= 0, M images in each of U >= 2 units, which are independent of each other. Halves do not
            divide a unit.
        groups: int [U, M] >= 0.
        rng: source of the halves.

    Returns:
        The average over random halves, each of which takes either part.
    """
    shape = int(classes.max()) + 1, int(groups.max()) + 1
    cells, total = classes * shape[1] + groups, 0.0
    for _ in range(_HALVES):
        one, other = (_differences(half, shape) for half in np.array_split(rng.permutation(cells), 2))
        total += float(np.sum(np.sign(one) * other + np.sign(other) * one))
    return total / (4 * _HALVES)


def _differences(cells: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """d_cv [C, V] of images in cells c V + v. It is exactly 0 where counts are independent: they are integers."""
    counts, images = np.bincount(cells.ravel(), minlength=shape[0] * shape[1]).reshape(shape), cells.size
    return (counts * images - np.outer(counts.sum(axis=1), counts.sum(axis=0))) / max(images, 1) ** 2


def _versions(factors: Factors, indices: np.ndarray, column: int) -> np.ndarray:
    """The places in a grid of images [U] with one factor at each of its V values: int [U, V]."""
    size = factors.sizes[column]
    rows = np.repeat(factors.to_factors(indices), size, axis=0)
    rows[:, column] = np.tile(np.arange(size), len(indices))
    return factors.to_index(rows).reshape(len(indices), size)
