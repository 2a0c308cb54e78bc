import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorTable
from tfvae.metrics import infoe_score
from tfvae.metrics.scoring import Labelled

DATA = grid((3, 4, 5))
F = scaled_factors(DATA)
RNG = np.random.default_rng(0)


def score(mean, data=DATA, **parameters):
    return infoe_score(Codes.from_arrays(data, mean), np.random.default_rng(0), **parameters)


def naive(inputs, y):
    """1 - H(v | mu) / H(v | {}), both by minimising the weighted cross entropy of a softmax over all its weights."""
    values, labels = np.unique(y, return_inverse=True)
    weights = len(y) / (len(values) * np.bincount(labels)[labels])

    def entropy(x):
        x = np.column_stack([x, np.ones(len(y))])

        def loss(flat, weights):
            log_p = log_softmax(x @ flat.reshape(x.shape[1], len(values)), axis=1)
            return -np.mean(weights * log_p[np.arange(len(y)), labels])

        best = minimize(loss, np.zeros(x.shape[1] * len(values)), (weights,), method="BFGS", options={"gtol": 1e-7})
        return loss(best.x, np.ones(len(y)))

    return 1 - entropy(inputs) / entropy(np.zeros((len(y), 0)))


def vague():
    """Two factors, one of them unbalanced, and codes that do not separate their values."""
    factors = np.stack([RNG.integers(3, size=200), RNG.choice(2, 200, p=[0.7, 0.3])], axis=1)
    return factors, factors @ [[1.0, 0.3], [0.2, 1]] + 0.7 * RNG.normal(size=(200, 2))


def test_continuous_latents_equal_a_naive_optimisation():
    factors, mean = vague()
    found = score(mean * [1, 50], Labelled(FactorTable("ab", factors)), iterations=1_000)
    assert found["discrete_latents"] == 0
    inputs = (mean - mean.mean(axis=0)) / mean.std(axis=0)
    assert found["per_factor"] == pytest.approx([naive(inputs, column) for column in factors.T], abs=1e-4)
    assert found["score"] == pytest.approx(np.mean(found["per_factor"]))


def test_discrete_latents_are_categories():
    factors, mean = vague()
    # An odd value for one in three images of b = 1, an even one for the others: no number of a line separates these.
    quantised = 2 * RNG.integers(2, size=200) + (factors[:, 1] & (RNG.random(200) < 0.7)) + 0.5
    mixed = np.column_stack([quantised, mean[:, 1]])
    data = Labelled(FactorTable("ab", factors))
    found = score(mixed, data, iterations=1_000)
    assert found["discrete_latents"] == 1
    one_hot = quantised[:, None] == np.unique(quantised)[1:]  # the first is the bias
    inputs = np.column_stack([one_hot, (mean[:, 1] - mean[:, 1].mean()) / mean[:, 1].std()])
    assert found["per_factor"][0] == pytest.approx(naive(inputs, factors[:, 0]), abs=1e-4)
    as_numbers = score(mixed, data, latents="continuous")
    assert as_numbers["discrete_latents"] == 0
    assert as_numbers["per_factor"][1] < found["per_factor"][1] - 0.1


@pytest.mark.parametrize("mean", [F, F[:, [2, 0, 1]] * [-3, 0.1, 10], np.hstack([F, F])])
def test_a_complete_discrete_code_is_perfect(mean):
    assert score(mean)["per_factor"] == pytest.approx([1, 1, 1], abs=0.01)


def test_a_missing_factor_costs_its_share():
    assert score(F[:, :2])["per_factor"] == pytest.approx([1, 1, 0], abs=0.01)


def test_a_rotation_costs_little():
    turned = F @ np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    assert score(turned, latents="continuous")["score"] > 0.9


def test_noise_scores_what_it_fits():
    data = grid((10, 10, 10))
    noise = score(RNG.normal(size=(1_000, 5)), data)
    # Twice the gain of log-likelihood is chi2 with 5 * 9 degrees of freedom for each factor.
    expected, error = 45 / (2 * 1_000 * np.log(10)), np.sqrt(2 * 45 / 3) / (2 * 1_000 * np.log(10))
    assert noise["score"] == pytest.approx(expected, abs=4 * error)


def test_a_factor_of_which_the_classifier_knows_less_than_nothing_counts_as_nothing():
    # Rare values weigh as much as the frequent one. These heavy tails cost it more than log 3: 1 - H / log 3 = -0.32.
    rng = np.random.default_rng(277)
    rare = rng.choice(3, 60, p=[0.9, 0.05, 0.05])
    mean = (2 * rng.normal(size=3))[rare] + rng.standard_t(1.5, size=60)
    assert naive((mean - mean.mean())[:, None] / mean.std(), rare) < -0.2
    result = score(mean[:, None], Labelled(FactorTable("ab", np.stack([rare, np.arange(60) % 2], axis=1))))
    assert result["per_factor"][0] == 0
    assert 0 <= result["per_factor"][1] < 0.1


def test_fewer_steps_end_earlier():
    assert score(F, latents="continuous", iterations=3)["score"] < score(F, latents="continuous")["score"]
    with pytest.raises(ValueError, match="iterations=0"):
        score(F, iterations=0)
