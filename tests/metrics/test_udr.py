import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import udr
from tfvae.metrics.udr import _lasso, _spearman, relative_strength

DATA = grid((8, 9, 10))
F = scaled_factors(DATA)


def run(mean, log_variance=None):
    return Codes.from_arrays(DATA, mean, log_variance)


def scores(*means, **parameters):
    return udr([run(mean) for mean in means], np.random.default_rng(0), **parameters)


def rotated(seed):
    return F @ np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def test_relative_strength_equals_naive_loops():
    r = np.random.default_rng(0).gamma(1, size=(3, 4))
    total = sum(max(r[:, b]) ** 2 / sum(r[:, b]) for b in range(4)) + sum(max(r[a]) ** 2 / sum(r[a]) for a in range(3))
    assert relative_strength(r) == pytest.approx(total / 7)
    assert relative_strength(np.eye(3)[[2, 0, 1]]) == 1
    assert relative_strength(np.zeros((2, 2))) == 0


def test_similarities_equal_those_of_scipy_and_scikit_learn():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 200, 3))
    second[:, 0] += first[:, 1] ** 3
    np.testing.assert_allclose(_spearman(first, second, 0), np.abs(spearmanr(first, second)[0][:3, 3:]), atol=1e-12)
    np.testing.assert_allclose(
        _lasso(first, second, 0.1), np.abs(Lasso(alpha=0.1).fit(first, second).coef_).T, atol=1e-3
    )


def test_equal_runs_of_independent_latents_have_the_closed_form():
    # The Lasso's weights of orthogonal columns are the correlations less alpha.
    other = F[:, [2, 0, 1]] * [1, -5, 0.1]
    assert scores(F, other)["score"] == pytest.approx([0.9, 0.9], abs=1e-4)
    # The grid's latents are independent, and so are their ranks.
    assert scores(F, other, similarity="spearman")["score"] == pytest.approx([1, 1], abs=1e-9)


def test_the_odd_one_out_is_ranked_last():
    result = scores(F, F[:, ::-1] * 3, F[:, [1, 0, 2]], rotated(1))
    assert max(range(4), key=lambda i: -result["score"][i]) == 3
    assert result["score"][:3] == pytest.approx([0.9] * 3, abs=1e-4)
    assert np.diag(result["pairs"]).tolist() == [0] * 4
    assert np.isfinite(result["standard_error"]).all()


def test_dead_latents_are_left_out():
    noise = 1e-3 * np.random.default_rng(0).normal(size=(len(DATA), 2))
    log_variance = np.tile([-4.0, -4, -4, 0, 0], (len(DATA), 1))
    runs = [run(np.concatenate([F, part], axis=1), log_variance) for part in (noise, noise[:, ::-1])]
    assert udr(runs, np.random.default_rng(0))["score"] == pytest.approx([0.9, 0.9], abs=1e-4)
    # Without any latent nothing is alike.
    assert scores(F, np.ones_like(F))["score"] == [0, 0]


def test_draws_of_many_images_agree_with_all():
    many = scores(F, rotated(1), samples=500, repeats=5)
    everything = scores(F, rotated(1))
    for drawn, error, exact in zip(many["score"], many["standard_error"], everything["score"], strict=True):
        assert drawn == pytest.approx(exact, abs=4 * error + 0.01)


@pytest.mark.parametrize(("parameters", "message"), [({"similarity": "cca"}, "'cca'"), ({"alpha": 0.0}, "alpha=0")])
def test_rejects_parameters_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        scores(F, F, **parameters)


def test_rejects_a_single_run_and_other_data():
    for runs in ([run(F)], [run(F), Codes.from_arrays(grid((2, 2)), np.zeros((4, 2)))]):
        with pytest.raises(ValueError, match="two or more runs of the same data"):
            udr(runs, np.random.default_rng(0))
