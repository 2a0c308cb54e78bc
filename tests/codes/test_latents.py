"""What a latent carries, against closed forms and integrals, and the rules by which latents count."""

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import norm

from tests.metrics.reference import grid
from tfvae.codes import ActiveRule, Codes, latent_information, latent_kl, latent_moments

N = 20_000


def gaussian(mean, variance):
    """The outputs of an encoder of one latent."""
    mean = np.asarray(mean, float)
    return {"mean": mean[:, np.newaxis], "log_variance": np.log(np.broadcast_to(variance, mean.shape))[:, np.newaxis]}


def normal_quantiles(size=N):
    values = ndtri((np.arange(size) + 0.5) / size)
    return values / values.std()


def test_information_of_a_linear_gaussian_channel_is_exact():
    # z = a x + s e with x, e ~ N(0, 1): I(x; z) = 0.5 log(1 + a^2 / s^2).
    for a, s in ((1.0, 0.1), (0.3, 1.0), (1e-3, 1.0), (5.0, 2.0)):
        found = latent_information(gaussian(a * normal_quantiles(), s**2))
        np.testing.assert_allclose(found, [0.5 * np.log1p((a / s) ** 2)], rtol=1e-9)


def test_moments_are_those_of_the_mixture_of_posteriors():
    rng = np.random.default_rng(0)
    mean, variance = rng.normal(3, 2, size=(7, 2)), rng.uniform(0.1, 2, size=(7, 2))
    z = np.linspace(-30, 30, 60_001)[:, np.newaxis, np.newaxis]
    density = norm.pdf(z, mean, np.sqrt(variance)).mean(axis=1)
    first = np.trapezoid(z[:, 0] * density, z[:, 0], axis=0)
    second = np.trapezoid((z[:, 0] - first) ** 2 * density, z[:, 0], axis=0)
    found = latent_moments({"mean": mean, "log_variance": np.log(variance)})
    np.testing.assert_allclose(found, [first, np.sqrt(second)], rtol=1e-6)
    np.testing.assert_allclose(latent_moments({"mean": mean}), [mean.mean(axis=0), mean.std(axis=0)])


@pytest.mark.parametrize("distance", [0.1, 0.5, 1.0, 3.0])
def test_information_bounds_the_mutual_information_from_above(distance):
    """Two kinds of images: I(x; z) is an integral over z, at most log 2."""
    means, deviations = np.array([-distance, distance]), np.array([1.0, 0.7])
    z = np.linspace(-12, 12, 200_001)
    densities = norm.pdf(z, means[:, np.newaxis], deviations[:, np.newaxis])
    mixture = densities.mean(axis=0)
    exact = np.trapezoid(np.mean(densities * np.log(densities / mixture + 1e-300), axis=0), z)
    (found,) = latent_information(gaussian(means, deviations**2))
    assert exact <= found
    # The gap is the KL of the mixture from the normal distribution of its mean and variance.
    total = means.var() + np.mean(deviations**2)
    gap = np.trapezoid(mixture * np.log(mixture / norm.pdf(z, means.mean(), np.sqrt(total))), z)
    assert found == pytest.approx(exact + gap, rel=1e-6)


def test_information_is_part_of_the_kl_from_the_prior():
    rng = np.random.default_rng(0)
    outputs = gaussian(rng.normal(2, 0.3, N), rng.uniform(0.01, 2, N))
    mean, log_variance = outputs["mean"], outputs["log_variance"]
    total = mean.var() + np.exp(log_variance).mean()
    displacement = 0.5 * (mean.mean() ** 2 + total - 1 - np.log(total))
    np.testing.assert_allclose(latent_kl(outputs), latent_information(outputs) + displacement, rtol=1e-9)


def test_shift_and_scale_do_not_change_the_information():
    outputs = gaussian(normal_quantiles() * 0.4, 0.5)
    for shift, scale in ((3, 1), (0, 1e-3), (-50, 20), (1e4, 1e-2)):
        moved = {
            "mean": scale * outputs["mean"] + shift,
            "log_variance": outputs["log_variance"] + 2 * np.log(scale),
        }
        np.testing.assert_allclose(latent_information(moved), latent_information(outputs), rtol=1e-6)


def test_variances_that_depend_on_the_image_carry_information():
    # Two variances a and b: 0.5 (log((a + b) / 2) - 0.5 log(a b)).
    outputs = gaussian(np.zeros(2), np.array([0.5, 2.0]))
    np.testing.assert_allclose(latent_information(outputs), [0.5 * np.log(1.25)], rtol=1e-12)


def test_extreme_numbers_stay_finite():
    for log_variance in (-1_000.0, 80.0, 800.0):
        outputs = {"mean": np.array([[0.0], [1.0]]), "log_variance": np.full((2, 1), log_variance)}
        expected = 0.5 * max(0.0, np.log(0.25) - log_variance)
        np.testing.assert_allclose(latent_information(outputs), [expected], atol=1e-9)


def test_kl_is_the_closed_form():
    mean = np.tile([2.0, 0.0, 0.0, 1.0], (60, 1))
    mean[::2, 3] = -3
    log_variance = np.tile([np.log(4), 0.0, 1e-4, 0.0], (60, 1))
    # KL(N(2, 4) || N(0, 1)); the prior itself; l^2 / 4 for a log variance l near 0; the mean of 1/2 and 9/2.
    expected = [0.5 * (4 + 4 - np.log(4) - 1), 0, 0.25e-8, 2.5]
    np.testing.assert_allclose(latent_kl({"mean": mean, "log_variance": log_variance}), expected, rtol=1e-4)


def test_a_category_has_its_kl_and_its_mutual_information():
    p = np.random.default_rng(0).dirichlet([0.5, 0.2, 0.5], size=60)
    p[0] = [0, 1, 0]
    outputs = {**gaussian(np.zeros(60), 1.0), "probabilities": p}
    average = p.mean(axis=0)
    to_uniform = np.mean([sum(q * np.log(3 * q) for q in row if q) for row in p])
    information = np.mean([sum(q * np.log(q / a) for q, a in zip(row, average, strict=True) if q) for row in p])
    np.testing.assert_allclose(latent_kl(outputs), [0, to_uniform], atol=1e-12)
    np.testing.assert_allclose(latent_information(outputs), [0, information], atol=1e-12)


def test_there_is_neither_without_log_variances():
    for function in (latent_kl, latent_information):
        assert function({"mean": np.zeros((3, 2))}) is None


# Latents of 20,000 images: mean and variance of each, and which rules keep it.
LATENTS = {
    "informative": (normal_quantiles(), 0.1, {"information", "kl", "spread", "all"}),
    "at the prior": (1e-3 * normal_quantiles(), 1.0, {"all"}),
    "apart from the prior": (3 + 1e-3 * normal_quantiles(), 1.0, {"kl", "all"}),
    "narrow": (1e-3 * normal_quantiles(), 1e-2, {"kl", "all"}),
    "informative in a small scale": (0.01 * normal_quantiles(), 1e-5, {"information", "kl", "all"}),
    "0.015 nats": (np.sqrt(np.expm1(0.03)) * normal_quantiles(), 1.0, {"kl", "spread", "all"}),
    "constant": (np.full(N, 3.0), 1e-2, set()),
    "rounded": (np.float32(1 / 3) * (1 + 1e-7 * np.sign(normal_quantiles())), 1.0, set()),
}


@pytest.mark.parametrize("rule", ["information", "kl", "spread", "all"])
def test_rules_keep_the_latents_that_they_say(rule):
    mean = np.column_stack([np.broadcast_to(mean, N) for mean, _, _ in LATENTS.values()])
    log_variance = np.log(np.column_stack([np.full(N, variance) for _, variance, _ in LATENTS.values()]))
    active = ActiveRule.of(rule).active({"mean": mean, "log_variance": log_variance})
    expected = {name for name, (_, _, rules) in LATENTS.items() if rule in rules}
    assert {name for name, kept in zip(LATENTS, active, strict=True) if kept} == expected


def test_a_rule_has_a_threshold():
    outputs = gaussian(np.sqrt(np.expm1(0.08)) * normal_quantiles(), 1.0)  # 0.04 nats
    for rule, kept in (("information", True), ("information:0.039", True), ("information:0.041", False)):
        assert ActiveRule.of(rule).active(outputs).tolist() == [kept]
        assert str(ActiveRule.of(rule)).startswith("information:0.0")
    assert str(ActiveRule.of("all")) == "all"
    assert ActiveRule.of(ActiveRule.of("kl:0.3")) == ActiveRule("kl", 0.3)


@pytest.mark.parametrize("rule", ["", "KL", "kl:", "kl:x", "kl:-1", "spread:nan", "all:0.1", "kl:inf", "kl:0.1:2"])
def test_refuses_other_rules(rule):
    with pytest.raises(ValueError, match=r"Expected a rule for active latents: information:0\.02, .*Received: "):
        ActiveRule.of(rule)


def test_a_latent_that_does_not_count_changes_no_guess_by_more_than_a_tenth():
    """The default threshold's principle: the total variation between q(z|x) and q(z) is at most sqrt(0.02 / 2)."""
    outputs = gaussian(np.sqrt(np.expm1(0.04)) * normal_quantiles(201), 1.0)
    assert latent_information(outputs) == pytest.approx([0.02])
    z = np.linspace(-7, 7, 2_001)
    densities = norm.pdf(z, outputs["mean"])
    variation = 0.5 * np.trapezoid(np.abs(densities - densities.mean(axis=0)), z, axis=1)
    assert 0.05 < variation.mean() < 0.1


def test_codes_without_a_posterior_keep_all_that_vary():
    data = grid((3, 4))
    mean = np.column_stack([np.zeros(12), np.arange(12.0), 1e-9 * np.arange(12.0)])
    for rule, expected in (("information", [0, 1, 1]), ("kl", [0, 1, 1]), ("all", [0, 1, 1]), ("spread", [0, 1, 0])):
        assert Codes.from_arrays(data, mean, active=rule).active_latents().tolist() == expected


def test_active_latents_do_not_change_from_one_look_to_the_next():
    """Latents near the threshold would be in one metric and out of the next if each drew its own images."""
    data = grid((50, 50, 10))
    rng = np.random.default_rng(0)
    amounts = np.linspace(0.015, 0.025, 50)
    mean = rng.normal(size=(len(data), 50)) * np.sqrt(np.expm1(2 * amounts))
    codes = Codes.from_arrays(data, mean, np.zeros_like(mean))
    first = codes.active_latents()
    assert 0 < first.sum() < 50
    first_again = first.copy()
    first[:] = True
    np.testing.assert_array_equal(codes.active_latents(), first_again)
