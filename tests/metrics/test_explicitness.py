import tracemalloc

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import explicitness, explicitness_score
from tfvae.metrics.explicitness import _auc, one_vs_rest


def score(codes, **parameters):
    return explicitness_score(codes, np.random.default_rng(0), **{"train": 700, "test": 300, **parameters})


def test_newtons_method_finds_liblinears_optimum():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, size=400)
    x = rng.normal(size=(400, 3)) + np.eye(4)[y][:, :3] * 2
    weights = one_vs_rest(x, y[:, None] == np.arange(4))
    for value in range(4):
        model = LogisticRegression(solver="liblinear", C=1.0, tol=1e-8, max_iter=1_000).fit(x, y == value)
        np.testing.assert_allclose(weights[value], [*model.coef_[0], model.intercept_[0]], atol=1e-4)


def test_second_derivatives_of_one_target_at_a_time_give_the_same_weights(monkeypatch):
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(300, 7)), rng.integers(4, size=300)[:, None] == np.arange(4)
    at_once = one_vs_rest(x, targets)
    monkeypatch.setattr(explicitness, "_SQUARES", 300 * 8**2 - 1)
    np.testing.assert_allclose(one_vs_rest(x, targets), at_once, rtol=1e-9, atol=1e-12)


def test_memory_does_not_grow_with_the_square_of_the_latents():
    x, targets = np.random.default_rng(0).normal(size=(1_000, 600)), np.arange(1_000)[:, None] % 2 == [[0, 1]]
    tracemalloc.start()
    one_vs_rest(x, targets)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The outer squares of all inputs would take 2.9 GB; the inputs themselves take 5 MB.
    assert most < 50e6


def test_newtons_method_converges_where_classes_separate():
    x = np.linspace(-1, 1, 101)[:, None] * 50
    weights = one_vs_rest(x, x > 3.3)
    p = 1 / (1 + np.exp(-(x @ weights[:, :-1].T + weights[:, -1])))
    np.testing.assert_allclose((p - (x > 3.3)).T @ np.append(x, np.ones_like(x), axis=1) + weights, 0, atol=1e-6)


def test_area_is_scikit_learns_with_ties():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, size=200)
    p = np.round(rng.dirichlet(np.ones(3), 200), 1)
    expected = np.mean([roc_auc_score(y == value, p[:, value]) for value in range(3)])
    assert _auc(p, y, np.arange(3)) == pytest.approx(expected)
    # A value that no image has is left out.
    assert _auc(np.pad(p, ((0, 0), (0, 1))), y, np.arange(4)) == pytest.approx(expected)


@pytest.mark.parametrize("classifier", ["one_vs_rest", "multinomial"])
def test_known_codes(classifier):
    data = grid((2, 2, 2, 125))
    f = scaled_factors(data)[:, :3]

    def three(mean):
        return score(Codes.from_arrays(data, mean), classifier=classifier)["per_factor"][:3]

    assert three(f) == [1, 1, 1]
    assert three(f @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]) == [1, 1, 1]
    # The area of 300 images, half of each class, has a standard error of sqrt(1/12 * 2/150) = 0.033.
    noise = three(np.random.default_rng(0).normal(size=(1000, 3)))
    np.testing.assert_allclose(noise, 0.5, atol=4 * 0.033)


def test_rejects_an_unknown_classifier():
    data = grid((3, 4))
    with pytest.raises(ValueError, match="'svm'"):
        score(Codes.from_arrays(data, scaled_factors(data)), classifier="svm")
