import numpy as np
import pytest

from tests.metrics import reference
from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import factor_vae, factor_vae_score
from tfvae.metrics.factor_vae import _variance, gini_variance

SIZES = (3, 4, 5, 6, 7)
# Standard error of the score of 5 repeats of 800 votes where the truth is 1/5 or 4/5: sqrt(0.2 * 0.8 / 4000).
FIVE_ERRORS = 5 * 0.0064


@pytest.fixture(scope="module")
def data():
    return grid(SIZES)


def score(codes, **parameters):
    return factor_vae_score(codes, np.random.default_rng(1), **parameters)


def noisy_codes(data, latents=6, seed=0):
    rng = np.random.default_rng(seed)
    factors = scaled_factors(data)
    return factors @ rng.normal(size=(factors.shape[1], latents)) ** 3 + rng.normal(size=(len(data), latents)) * 0.3


@pytest.mark.parametrize("discrete", [(), (1, 3)])
def test_equals_naive_loops(discrete):
    data = grid((3, 1, 4, 5))
    mean = noisy_codes(grid((3, 4, 5)), latents=4).astype(np.float32)
    mean[:, discrete] = np.rint(2 * mean[:, discrete])
    mean[:, 2] = 0.001
    log_variance = np.zeros_like(mean) - 3
    log_variance[:, 2] = 0
    codes = Codes.from_arrays(data, mean, log_variance)
    parameters = {"votes": 60, "evaluation_votes": 40, "batch": 6, "discrete": discrete}
    active = codes.active_latents() | np.isin(np.arange(4), discrete)
    expected = reference.factor_vae(data, mean, active, np.random.default_rng(1), **parameters)
    assert 0.3 < expected < 1
    assert score(codes, repeats=1, **parameters)["score"] == expected


def test_looking_up_fewer_numbers_at_once_changes_nothing(data, monkeypatch):
    codes = Codes.from_arrays(data, noisy_codes(data))
    at_once = score(codes)
    for numbers in (1, 10_000):
        monkeypatch.setattr(factor_vae, "_NUMBERS", numbers)
        assert score(codes) == at_once


def test_a_code_for_each_factor_scores_one(data):
    assert score(Codes.from_arrays(data, scaled_factors(data))) == {
        "score": 1.0,
        "standard_error": 0.0,
        "train_accuracy": 1.0,
        "active_latents": 5,
    }


def test_a_missing_factor_costs_its_votes(data):
    # With the missing factor fixed, each latent varies as over the data: those votes, 1 in 5, are lost.
    result = score(Codes.from_arrays(data, scaled_factors(data)[:, 1:]))
    assert result["score"] == pytest.approx(0.8, abs=FIVE_ERRORS)


def test_noise_scores_chance(data):
    noise = np.random.default_rng(0).normal(size=(len(data), 10))
    assert score(Codes.from_arrays(data, noise))["score"] == pytest.approx(0.2, abs=FIVE_ERRORS)


def with_posterior(data, informative, dead, **rule):
    """Informative latents with variance exp(-4), after dead ones with variance 1."""
    log_variance = np.concatenate([np.zeros_like(dead), np.full_like(informative, -4.0)], axis=1)
    return Codes.from_arrays(data, np.concatenate([dead, informative], axis=1), log_variance, **rule)


def test_dead_latents_are_pruned(data):
    # Means that are constant except for one image in 2,520. They do not vary in most votes, and so would win them.
    dead = np.zeros((len(data), 3))
    dead[[10, 500, 900], [0, 1, 2]] = 1e-5
    codes = with_posterior(data, scaled_factors(data), dead)
    assert score(codes)["score"] == 1
    assert score(codes)["active_latents"] == 5
    unpruned = score(with_posterior(data, scaled_factors(data), dead, active="all"))
    assert unpruned["score"] == pytest.approx(0.2, abs=FIVE_ERRORS)
    assert unpruned["active_latents"] == 8


def test_a_factor_in_the_means_of_a_dead_latent_does_not_count(data):
    factors = scaled_factors(data)
    arrays = data, factors[:, 1:], 1e-3 * factors[:, :1]
    assert score(with_posterior(*arrays))["score"] == pytest.approx(0.8, abs=FIVE_ERRORS)
    assert score(with_posterior(*arrays, active="all"))["score"] == 1


def test_a_latent_far_from_the_prior_that_carries_nothing_has_no_vote(data):
    # N(3, 1) for every image, but for means of 1e-3 that encode a factor.
    dead = 3 + 1e-3 * scaled_factors(data)[:, :1]
    for rule, active in (("information", 4), ("spread", 4), ("kl", 5), ("all", 5)):
        codes = with_posterior(data, scaled_factors(data)[:, 1:], dead, active=rule)
        found = score(codes)
        assert found["active_latents"] == active
        assert found["score"] == pytest.approx(0.8 if active == 4 else 1, abs=FIVE_ERRORS)


def test_scale_and_order_of_latents_do_not_matter(data):
    mean = noisy_codes(data)
    order = np.array([3, 0, 5, 1, 4, 2])
    scale = np.array([2.0**-20, -3.0, 1.0, 1e4, 0.7, -1e-3])
    plain = score(Codes.from_arrays(data, mean), votes=200, evaluation_votes=200)
    assert 0.25 < plain["score"] < 0.95
    assert score(Codes.from_arrays(data, (mean * scale)[:, order]), votes=200, evaluation_votes=200) == plain


def test_constant_and_collapsed_codes_score_chance(data):
    chance = {"score": 0.2, "standard_error": 0.0, "train_accuracy": 0.2, "active_latents": 0}
    constant = np.full((len(data), 4), 0.1)
    assert score(Codes.from_arrays(data, constant)) == chance
    assert score(Codes.from_arrays(data, constant, np.full_like(constant, -4.0))) == chance
    collapsed = np.random.default_rng(0).normal(size=(len(data), 4)) * 1e-3
    assert score(Codes.from_arrays(data, collapsed, np.zeros_like(collapsed))) == chance


def test_constant_latents_never_win(data):
    factors = scaled_factors(data)
    constant = np.full((len(data), 1), 1 / 3)
    rounded = np.float32(1 / 3 * (1 + 1e-7 * np.sign(factors[:, :1] * factors[:, 1:2])))
    result = score(Codes.from_arrays(data, np.concatenate([constant, rounded, factors], axis=1)))
    assert (result["score"], result["active_latents"]) == (1, 5)


def test_names_of_categories_do_not_matter(data):
    # Latent 0 holds the categories of two factors together, latent 1 a third factor, the rest is noise.
    factors = data.factors.to_factors(np.arange(len(data)))
    mean = noisy_codes(data, latents=4)
    mean[:, 0], mean[:, 1] = factors[:, 0] * 4 + factors[:, 1], factors[:, 2]
    plain = score(Codes.from_arrays(data, mean), discrete=(0, 1))
    names = np.random.default_rng(0).permutation(12) * 17.0 - 100
    mean[:, 0] = names[factors[:, 0] * 4 + factors[:, 1]]
    assert score(Codes.from_arrays(data, mean), discrete=(0, 1)) == plain
    assert score(Codes.from_arrays(data, mean)) != plain


def test_a_category_votes_with_ginis_variance(data):
    """It equals the same numbers declared as discrete, and is pruned if it carries nothing."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(len(data), 4))
    category = data.factors.to_factors(np.arange(len(data)))[:, 0]
    sure = np.eye(int(category.max()) + 1)[category]
    numbers = Codes.from_arrays(data, np.column_stack([mean, category]))
    known = Codes.from_arrays(data, mean, probabilities=sure)
    assert score(known) == score(numbers, discrete=(4,)) != score(numbers)
    log_variance = np.full_like(mean, -4.0)
    nearly_uniform = 0.999 / sure.shape[1] + 0.001 * sure
    assert score(Codes.from_arrays(data, mean, log_variance, sure))["active_latents"] == 5
    assert score(Codes.from_arrays(data, mean, log_variance, nearly_uniform))["active_latents"] == 4


def test_discrete_latents_are_not_pruned_by_a_gaussian_posterior(data):
    factors = data.factors.to_factors(np.arange(len(data))) * 1e-3
    codes = Codes.from_arrays(data, factors, np.zeros(factors.shape))
    assert score(codes, discrete=range(5))["score"] == 1
    assert score(codes)["active_latents"] == 0


def test_gini_variance_equals_the_sum_over_pairs():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, size=(3, 9, 2)).astype(np.float32)
    expected = [
        [reference.pairwise_variance(values[v, :, j], lambda a, b: float(a != b)) for j in range(2)] for v in range(3)
    ]
    np.testing.assert_allclose(gini_variance(values), expected, rtol=1e-12)
    assert gini_variance(np.ones((5, 1))) == 0
    np.testing.assert_allclose(gini_variance(np.arange(7)[:, None]), 0.5)  # all differ


def test_variance_equals_ginis_sum_over_pairs_of_squares():
    # float32 values with a mean far from 0, where float32 sums would lose the variance.
    values = (1e3 + np.random.default_rng(0).normal(size=(9, 2)) * 1e-2).astype(np.float32)
    expected = [reference.pairwise_variance(values[:, j].astype(float), lambda a, b: (a - b) ** 2) for j in range(2)]
    np.testing.assert_allclose(_variance(values, np.zeros(2, bool)), expected, rtol=1e-9)


@pytest.mark.parametrize(("rotated", "published", "published_train"), [(False, 1.0, 1.0), (True, 0.8118, 0.8104)])
def test_agrees_with_disentanglement_lib(rotated, published, published_train):
    data, mean = reference.oracle(rotated)
    codes = Codes.from_arrays(data, mean)
    result = score(codes, votes=10_000, evaluation_votes=5_000, batch=64, repeats=1)
    # Both are one draw of 5,000 votes, standard error 0.0055, and 10,000 to train. Four errors of the difference.
    one_draw = 4 * 2**0.5 * np.sqrt(published * (1 - published))
    assert result["score"] == pytest.approx(published, abs=one_draw / 5_000**0.5)
    assert result["train_accuracy"] == pytest.approx(published_train, abs=one_draw / 10_000**0.5)


def test_standard_error_is_the_spread_of_scores(data):
    codes = Codes.from_arrays(data, noisy_codes(data))
    results = [
        factor_vae_score(codes, np.random.default_rng(seed), votes=50, evaluation_votes=50, batch=10, repeats=4)
        for seed in range(100)
    ]
    spread = np.std([result["score"] for result in results], ddof=1)
    reported = np.sqrt(np.mean([result["standard_error"] ** 2 for result in results]))
    # The spread of 100 scores has an error of 7%, the reported one (300 degrees of freedom) of 4%: four errors in all.
    assert reported / spread == pytest.approx(1, abs=0.33)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"votes": 0}, "votes=0"),
        ({"evaluation_votes": 0}, "evaluation_votes=0"),
        ({"batch": 1}, "batch=1"),
        ({"scale_samples": 1}, "scale_samples=1"),
        ({"repeats": 0}, "repeats=0"),
        ({"discrete": (5,)}, r"\[0, 5\).*discrete=\(5,\)"),
    ],
)
def test_rejects_parameters_out_of_range(data, parameters, message):
    with pytest.raises(ValueError, match=message):
        score(Codes.from_arrays(data, scaled_factors(data)), **parameters)


def test_a_latent_that_does_not_vary_in_the_images_of_the_scale_has_no_vote(data):
    factors = scaled_factors(data)
    rare = np.zeros((len(data), 1))
    rare[7] = 1  # it counts, as it varies over the data
    codes = Codes.from_arrays(data, np.concatenate([rare, factors], axis=1))
    assert codes.active_latents().sum() == 6
    assert score(codes, scale_samples=100)["active_latents"] == 5
    assert score(codes, scale_samples=100)["score"] == 1
