from itertools import permutations

import numpy as np
import pytest

from tfvae.analysis.category_accuracy import category_accuracy
from tfvae.data import FactorSpace, FactorTable, GroundTruthData

# The image's one pixel is its place, so that `represent` can give any probabilities.
PIXELS = np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1)
GRID = GroundTruthData("grid", FactorSpace(("a", "b", "c"), tuple(np.arange(float(n)) for n in (3, 4, 5))), PIXELS)


def of(probabilities):
    return lambda images: {"probabilities": probabilities[np.rint(255 * images[:, 0, 0, 0]).astype(int)]}


def test_a_permuted_factor_is_named_exactly():
    a = GRID.factors.to_factors(np.arange(60))[:, 0]
    found = category_accuracy(of(np.eye(3)[np.array([2, 0, 1])[a]]), GRID, batch_size=7)
    assert found == {"a": {"accuracy": 1.0, "standard_error": 0.0}}


def test_it_is_the_best_of_all_matchings():
    probabilities = np.random.default_rng(0).random((60, 4))
    b, likeliest = GRID.factors.to_factors(np.arange(60))[:, 1], probabilities.argmax(axis=1)
    best = max(np.mean(np.array(order)[b] == likeliest) for order in permutations(range(4)))
    found = category_accuracy(of(probabilities), GRID)["b"]
    assert found["accuracy"] == pytest.approx(best)
    assert found["standard_error"] == pytest.approx(np.sqrt(best * (1 - best) / 60))


def test_a_category_that_is_never_named_matches_nothing():
    constant = np.tile([1.0, 0, 0], (60, 1))
    assert category_accuracy(of(constant), GRID)["a"]["accuracy"] == pytest.approx(1 / 3)


def test_one_factor_is_enough_and_a_continuous_one_has_no_values_to_name():
    table = np.column_stack([np.arange(60) % 5, np.linspace(0, 0.5, 60)])
    data = GroundTruthData("table", FactorTable(["label", "angle"], table), PIXELS)
    assert category_accuracy(of(np.eye(5)[np.arange(60) % 5]), data) == {
        "label": {"accuracy": 1.0, "standard_error": 0.0}
    }
    assert category_accuracy(of(np.eye(6)[np.arange(60) % 6]), data) == {}
