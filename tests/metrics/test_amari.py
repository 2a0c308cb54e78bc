import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import amari_score
from tfvae.metrics.amari import amari_distance

DATA = grid((5, 6, 7))
F = scaled_factors(DATA)


def score(mean):
    return amari_score(Codes.from_arrays(DATA, mean), np.random.default_rng(0))


def naive(p):
    p, k = np.abs(p), len(p)
    rows = sum(sum(p[i, j] / max(p[i]) for j in range(k)) - 1 for i in range(k))
    columns = sum(sum(p[i, j] / max(p[:, j]) for i in range(k)) - 1 for j in range(k))
    return (rows + columns) / (2 * k * (k - 1))


def test_distance_equals_naive_loops_and_its_bounds():
    p = np.random.default_rng(0).normal(size=(4, 4))
    assert amari_distance(p) == pytest.approx(naive(p))
    assert amari_distance(np.diag([3, -1e-3, 7])[[2, 0, 1]]) == 0
    assert amari_distance(np.ones((3, 3))) == amari_distance(np.zeros((3, 3))) == 1


def test_a_linear_map_is_recovered():
    matrix = np.random.default_rng(1).normal(size=(3, 3))
    result = score(F @ matrix)
    standardised = (matrix * F.std(axis=0)[:, None] / (F @ matrix).std(axis=0)).T
    assert result["score"] == pytest.approx(naive(standardised), abs=1e-5)
    assert result["explained"] == pytest.approx(1)


def test_additional_latents_do_not_matter():
    noise = np.random.default_rng(0).normal(size=(len(DATA), 4))
    assert score(np.concatenate([noise, -7 * F[:, [2, 0, 1]]], axis=1))["score"] == pytest.approx(0, abs=1e-6)


def test_a_missing_factor_costs_its_row_and_column():
    # Two rows and columns are perfect; those without a latent count as equal entries: 2 (K - 1) / (2 K (K - 1)).
    assert score(F[:, :2])["score"] == pytest.approx(1 / 3)
