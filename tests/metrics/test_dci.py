import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.linear_model import Lasso

from tests.metrics.reference import dci, grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorTable
from tfvae.metrics import dci_score
from tfvae.metrics.dci import completeness, disentanglement
from tfvae.metrics.scoring import Labelled

DATA = grid((3, 4, 5, 10))
F = scaled_factors(DATA)


def score(mean, log_variance=None, **parameters):
    codes = Codes.from_arrays(DATA, mean, log_variance)
    return dci_score(codes, np.random.default_rng(0), **{"train": 400, "test": 200, "trees": 40, **parameters})


def test_importances_have_known_values_and_equal_naive_sums():
    assert disentanglement(np.eye(4)[[2, 0, 3, 1]] * 5) == completeness(np.eye(4)) == 1
    assert disentanglement(np.ones((3, 4))) == pytest.approx(0)
    assert completeness(np.ones((3, 4))) == pytest.approx(0)
    assert disentanglement(np.zeros((3, 4))) == completeness(np.zeros((3, 4))) == 0
    # One factor in two of four latents: log_4 2 is lost; each latent serves one factor.
    halves = np.array([[0.5, 0], [0.5, 0], [0, 1], [0, 0]])
    assert (disentanglement(halves), completeness(halves)) == (1, 0.75)
    r = np.random.default_rng(0).gamma(1, size=(5, 3))
    weighted = sum(r[j].sum() / r.sum() * (1 - entropy(r[j], base=3)) for j in range(5))
    assert disentanglement(r) == pytest.approx(weighted)
    assert completeness(r) == pytest.approx(np.mean([1 - entropy(r[:, k], base=5) for k in range(3)]))


@pytest.mark.parametrize("predictor", ["boosted_trees", "lasso"])
def test_known_codes(predictor):
    perfect = score(F, predictor=predictor)
    rotated = score(F @ np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0], predictor=predictor)
    assert perfect["score"] > 0.99
    assert perfect["completeness"] > 0.99
    assert perfect["informativeness"] > 0.95
    assert rotated["score"] < 0.6
    assert rotated["informativeness"] < perfect["informativeness"] + 1e-9
    constant = score(np.ones_like(F), predictor=predictor)
    assert constant["score"] == constant["completeness"] == constant["active_latents"] == 0
    assert constant["informativeness"] < 0.4


def shared_and_split():
    """Codes [N, 2] of which each latent is the sum of two factors, and [N, 8] of which two latents share a factor."""
    f = F / F.std(axis=0)
    noise = 0.5 * np.random.default_rng(1).normal(size=f.shape)
    return np.stack([f[:, 0] + f[:, 1], f[:, 2] + f[:, 3]], axis=1), np.concatenate([f + noise, f - noise], axis=1)


# Two of four factors in a latent lose log_4 2 of disentanglement, and two of eight latents for a factor lose log_8 2 of
# completeness. Trees spend a little importance on latents that do not inform.
@pytest.mark.parametrize(("predictor", "tolerance"), [("lasso", 1e-3), ("boosted_trees", 0.05)])
def test_the_score_is_disentanglement_where_it_differs_from_completeness(predictor, tolerance):
    for mean, known in zip(shared_and_split(), [(1 / 2, 1), (1, 1 - np.log(2) / np.log(8))], strict=True):
        result = score(mean, predictor=predictor, train=599, test=1)
        found = result["score"], result["completeness"]
        assert found == pytest.approx(known, abs=tolerance)
        # Of the importances averaged over two splits, which differ a little.
        assert found == pytest.approx(dci(np.transpose(result["importance"])), abs=1e-3)


def test_lasso_is_scikit_learns_on_standardised_columns():
    mean = F @ np.random.default_rng(0).normal(size=(4, 3))
    result = score(mean, predictor="lasso", train=599, test=1)
    x = (np.float32(mean) - np.float32(mean).mean(axis=0)) / np.float32(mean).std(axis=0)
    for k in range(4):
        weights = np.abs(Lasso(alpha=0.02).fit(x, F[:, k] / F[:, k].std()).coef_)
        np.testing.assert_allclose(result["importance"][k], weights, atol=0.02)  # one image of 600 is not in it


def test_dead_latents_have_no_part():
    mean = np.concatenate([F, 1e-3 * F], axis=1)
    log_variance = np.concatenate([np.full_like(F, -4), np.zeros_like(F)], axis=1)
    result = score(mean, log_variance)
    assert result["score"] > 0.99
    assert result["completeness"] > 0.99
    assert np.array(result["importance"])[:, 4:].max() == 0
    assert score(mean)["active_latents"] == 8


def test_a_continuous_factor_is_regressed():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(900, 2))
    codes = Codes.from_arrays(Labelled(FactorTable(("a", "b"), values)), values[:, ::-1])
    result = dci_score(codes, rng, train=600, test=300)
    assert result["score"] > 0.98
    assert 0.95 < result["informativeness"] <= 1


@pytest.mark.parametrize(("parameters", "message"), [({"predictor": "svm"}, "'svm'"), ({"alpha": 0.0}, "alpha=0")])
def test_rejects_parameters_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        score(F, **parameters)
