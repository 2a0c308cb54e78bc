import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from tfvae.metrics.histograms import (
    binned_codes,
    entropies,
    mutual_information,
    mutual_information_of_pairs,
)


def test_equals_scikit_learn_and_naive_sums():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (300, 2)), rng.integers(0, 3, (300, 3))
    second[:, 0] = first[:, 0] % 3
    information = mutual_information(first, second)
    for a in range(2):
        for b in range(3):
            assert information[a, b] == pytest.approx(mutual_info_score(first[:, a], second[:, b]), abs=1e-12)
    joint = [np.mean((first[:, 0] == x) & (second[:, 0] == y)) for x in range(5) for y in range(3)]
    naive = sum(p * np.log(p) for p in joint if p > 0) + entropies(first)[0] + entropies(second)[0]
    assert information[0, 0] == pytest.approx(naive, abs=1e-12)


def test_entropy_of_equal_shares_is_the_logarithm():
    np.testing.assert_allclose(entropies(np.arange(12)[:, None] % 4), np.log(4))


def test_bins_are_numpys():
    values = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    for latent in range(3):
        edges = np.histogram(values[:, latent].astype(float), 20)[1]
        expected = np.digitize(values[:, latent].astype(float), edges[:-1]) - 1
        np.testing.assert_array_equal(binned_codes(values, 20)[:, latent], expected)
    np.testing.assert_array_equal(np.bincount(binned_codes(values, 20, "quantile")[:, 0]), 25)


def test_information_of_all_pairs_is_that_of_the_table_with_itself():
    rng = np.random.default_rng(0)
    table = np.stack([rng.integers(size, size=200) for size in (2, 7, 7, 1, 20)], axis=1)
    table[:, 2] = table[:, 1] // 2
    np.testing.assert_allclose(mutual_information_of_pairs(table), mutual_information(table, table), atol=1e-12)


def test_a_value_on_an_edge_belongs_to_the_bin_above_it_and_the_largest_to_the_last():
    values = np.arange(5.0)[:, None]
    assert binned_codes(values, 4)[:, 0].tolist() == [0, 1, 2, 3, 3]
