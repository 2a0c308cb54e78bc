"""What the metrics share: which factors are scored, which images are drawn, and the error due to the draw."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfvae.codes.subset import subset
from tfvae.data.factor_table import FactorTable
from tfvae.data.factors import Factors

Numbers = Mapping[str, Any]


def scored_columns(data: Any) -> np.ndarray:
    """The columns of the scored factors in the rows of `data.factors`, int [K].

    Raises:
        ValueError: if there are fewer than two: the fixed one could not be guessed wrong.
    """
    if len(data.scored_factors) < 2:
        raise ValueError(f"Expected at least two factors of size > 1. Received: scored_factors={data.scored_factors}")
    return np.array([data.factors.names.index(name) for name in data.scored_factors])


def binned(factors: Factors, bins: int) -> Factors:
    """The same factors, with continuous ones cut into bins that hold equally many images.

    Args:
        factors: the factors of N images.
        bins: int >= 2, the number of bins of a continuous factor. Equal values are in the same bin.
    """
    if bins < 2:
        raise ValueError(f"Expected at least two bins. Received: bins={bins}")
    if not any(factors.continuous):
        return factors
    everything = np.arange(len(factors))
    table = factors.to_factors(everything)
    for column in np.flatnonzero(factors.continuous):
        table[:, column] = quantile_bins(table[:, column], bins)
    return FactorTable(factors.names, table, continuous=[False] * len(factors.names))


def quantile_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each value, int [N] in [0, bins). Bins hold equally many values, except that ties stay together."""
    ordered = np.sort(values)
    return np.searchsorted(ordered, values) * bins // len(values)


def standardised(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[n, D] and [m, D] in float64, both scaled so that the first has mean 0 and variance 1; constant columns are 0."""
    train, test = train.astype(np.float64), test.astype(np.float64)
    centre, spread = train.mean(axis=0), train.std(axis=0)
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    return (train - centre) * scale, (test - centre) * scale


def over_draws(
    measure: Callable[[np.ndarray], Numbers],
    size: int,
    samples: int,
    repeats: int,
    rng: np.random.Generator,
    *,
    halves: bool = False,
) -> dict[str, Any]:
    """The score of random images, and its standard error.

    If there are more images than `samples`, the score is the mean over independent draws of different images. Its error
    is that of a mean, s / sqrt(repeats), and covers the difference between the draws and all images. Otherwise the
    score is that of all images, and its error is the spread s over bootstrap resamples (N images drawn with
    replacement; Efron, 1979), which treats the images as a sample of a larger population.

    Args:
        measure: indices of images, int [n] -> numbers by name (or lists of them), including "score".
        size: int, the number of images (N).
        samples: int >= 2, the number of images in a draw.
        repeats: int >= 2, the number of draws.
        rng: source of all randomness.
        halves: whether to take random halves without replacement instead of bootstrap resamples, for estimates that
            equal rows would distort. Their spread about the score of all images estimates the same error, without a
            factor (Shao & Wu, 1989).

    Returns:
        The numbers of `measure`, and "standard_error" of "score".
    """
    _check_draws(samples=samples, repeats=repeats)
    if size > samples:
        return averaged([measure(subset(size, samples, rng)) for _ in range(repeats)])
    result = measure(np.arange(size))

    def resample() -> np.ndarray:
        return subset(size, (size + 1) // 2, rng) if halves else np.sort(rng.integers(size, size=size))

    spread = np.std([measure(resample())["score"] for _ in range(repeats)], ddof=1)
    return averaged([result], float(spread))


def over_splits(
    measure: Callable[[np.ndarray, np.ndarray], Numbers],
    size: int,
    train: int,
    test: int,
    repeats: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """The mean score over random splits into training and test images, which have no image in common.

    Args:
        measure: indices of training images, int [train], and of test images, int [test] -> numbers by name.
        size: int >= 2, the number of images (N).
        train: int >= 1. If there are fewer than train + test images, all are split in this proportion, or in halves if
            that gives more training images (but at most `train`).
        test: int >= 1.
        repeats: int >= 2, the number of splits.
        rng: source of all randomness.

    Returns:
        The numbers of `measure`, and "standard_error" of "score", s / sqrt(repeats). It is too small if there are few
        images, since their splits overlap.
    """
    _check_draws(repeats=repeats)
    first, second = split_sizes(size, train, test)
    splits = [np.split(rng.choice(size, first + second, replace=False), [first]) for _ in range(repeats)]
    return averaged([measure(*split) for split in splits])


def split_sizes(size: int, train: int, test: int) -> tuple[int, int]:
    """How many training and test images `over_splits` takes of N >= 2 images.

    Raises:
        ValueError: if a number is out of range.
    """
    if train < 1 or test < 1 or size < 2:
        raise ValueError(
            "Expected train >= 1, test >= 1 and at least two images. Received: "
            f"train={train}, test={test}, {size} images"
        )
    total = min(size, train + test)
    first = max(round(total * train / (train + test)), min(train, total // 2))
    first = min(first, total - 1)
    return first, total - first


def over_repeats(repeat: Callable[[], tuple[float, float]], repeats: int, evaluated: int) -> dict[str, float]:
    """The mean of independent draws of an accuracy.

    Args:
        repeat: makes one draw: the accuracy on `evaluated` points, and on the points that trained the classifier.
        repeats: int >= 1, the number of draws.
        evaluated: int, the number of points that the accuracy of one draw is an average of.

    Returns:
        "score", "standard_error" of the score, and "train_accuracy". A single draw has no spread; its standard error is
        the binomial's, sqrt(s (1 - s) / evaluated), for the given classifier.
    """
    if repeats < 1:
        raise ValueError(f"Expected at least one repeat. Received: repeats={repeats}")
    draws = [{"score": score, "train_accuracy": train} for score, train in (repeat() for _ in range(repeats))]
    binomial = np.sqrt(draws[0]["score"] * (1 - draws[0]["score"]) / evaluated)
    return averaged(draws, float(binomial) if repeats == 1 else None)


def averaged(draws: Sequence[Numbers], standard_error: float | None = None) -> dict[str, Any]:
    """The mean over draws of each number, and "standard_error" of the mean "score", by default from its spread."""
    scores = np.array([draw["score"] for draw in draws], np.float64)
    if standard_error is None:
        standard_error = float(scores.std(ddof=1) / np.sqrt(len(scores)))
    means = {name: np.mean([draw[name] for draw in draws], axis=0).tolist() for name in draws[0]}
    return {"score": means.pop("score"), "standard_error": standard_error, **means}


def _check_draws(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 2:
            raise ValueError(f"Expected {name} >= 2. Received: {name}={number}")
