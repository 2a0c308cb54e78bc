import itertools
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests import reference
from tfvae.objectives import vae as objectives

tfd = tfp.distributions

LOGITS = np.array([[0.0, 0.0], [1.5, -2.0], [-3.0, 0.5], [4.0, 4.5], [-0.2, -0.1], [0.3, 0.2]], np.float32)
LOGITS_PERMUTED = np.array([[0.0, 0.0], [0.3, -1.0], [2.0, 3.0], [-4.0, 1.0], [-0.2, -0.3], [0.1, 0.3]], np.float32)

either = pytest.mark.parametrize("compiled", [False, True])


def run(compiled, function, *arguments):
    return tf.function(function, jit_compile=compiled)(*(tf.constant(argument) for argument in arguments)).numpy()


def probability(logits):
    """D(z), float64."""
    exponentials = np.exp(np.float64(logits))
    return exponentials[:, 0] / exponentials.sum(axis=1)


@either
def test_total_correlation_is_the_log_odds_of_the_discriminator(compiled):
    d = probability(LOGITS)
    expected = np.log(d) - np.log(1 - d)
    np.testing.assert_allclose(run(compiled, objectives.total_correlation, LOGITS), expected, rtol=1e-5, atol=1e-6)


@either
def test_discriminator_loss_is_the_cross_entropy_of_algorithm_2(compiled):
    expected = -0.5 * (np.log(probability(LOGITS)) + np.log(1 - probability(LOGITS_PERMUTED)))
    loss = run(compiled, objectives.discriminator_loss, LOGITS, LOGITS_PERMUTED)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(loss[0], np.log(2), rtol=1e-6)


@either
def test_extreme_logits_have_the_values_and_gradients_of_the_limit(compiled):
    def loss_and_gradient(wrong):
        with tf.GradientTape() as tape:
            tape.watch(wrong)
            loss = objectives.discriminator_loss(wrong, wrong[:, ::-1])
        return tf.concat([loss[:, tf.newaxis], tape.gradient(loss, wrong)], axis=1)

    results = run(compiled, loss_and_gradient, np.array([[-500.0, 500.0], [500.0, -500.0]], np.float32))
    # -log D -> l1 - l0 where the discriminator is wrong, and 0 where it is right.
    np.testing.assert_allclose(results, [[1000.0, -1.0, 1.0], [0.0, 0.0, 0.0]], atol=1e-6)


@either
def test_accuracy_counts_right_decisions(compiled):
    expected = []
    for on_z, on_permuted in zip(LOGITS, LOGITS_PERMUTED, strict=True):
        right = [on_z[0] > on_z[1], on_permuted[1] > on_permuted[0]]
        expected.append(sum(right) / 2)
    accuracy = run(compiled, objectives.discriminator_accuracy, LOGITS, LOGITS_PERMUTED)
    np.testing.assert_array_equal(accuracy, expected)
    assert set(accuracy) == {0.0, 0.5, 1.0}


def test_total_correlation_of_a_correlated_gaussian_equals_its_closed_form():
    rho, n = 0.8, 50_000
    z = np.random.default_rng(0).multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
    # The logits of the best discriminator: log q(z) and log q(z_1) q(z_2), but for what they share.
    log_joint = -0.5 * np.log(1 - rho**2) - (z[:, 0] ** 2 - 2 * rho * z[:, 0] * z[:, 1] + z[:, 1] ** 2) / (
        2 * (1 - rho**2)
    )
    log_marginals = -0.5 * np.sum(z**2, axis=1)
    samples = objectives.total_correlation(np.stack([log_joint, log_marginals], axis=1))
    # Five standard errors of 50,000 samples, 0.02.
    tolerance = 5 * samples.std() / np.sqrt(n)
    assert tolerance < 0.03
    assert abs(samples.mean() - -0.5 * np.log(1 - rho**2)) < tolerance


@either
def test_permute_dims_equals_a_loop_over_columns(compiled):
    z = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    # Drawn in the same way, as XLA draws other numbers from a seed.
    keys = run(compiled, lambda seed: tf.random.stateless_uniform(z.shape, seed), [3, 4])
    np.testing.assert_array_equal(run(compiled, objectives.permute_dims, z, [3, 4]), reference.permute_dims(z, keys))


@either
def test_permute_dims_moves_a_block_as_one_variable(compiled):
    z = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    keys = run(compiled, lambda seed: tf.random.stateless_uniform([9, 3], seed), [3, 4])
    permuted = run(compiled, lambda z, seed: objectives.permute_dims(z, seed, block=3), z, [3, 4])
    np.testing.assert_array_equal(permuted, reference.permute_dims(z, keys[:, [0, 1, 2, 2, 2]]))


def test_permute_dims_keeps_the_marginals_and_mixes_the_rows():
    z = np.arange(400.0, dtype=np.float32).reshape(100, 4)
    permuted = objectives.permute_dims(z, [0, 0]).numpy()
    np.testing.assert_array_equal(np.sort(permuted, axis=0), z)
    # Of 100 rows an expected 4 keep two given entries in one row; by chance 15 do so with probability 1e-5.
    for i, j in itertools.combinations(range(4), 2):
        assert np.sum(permuted[:, i] // 4 == permuted[:, j] // 4) < 15


def test_permute_dims_makes_equal_columns_independent():
    z = np.random.default_rng(0).normal(size=(20_000, 1)).astype(np.float32).repeat(3, axis=1)
    correlations = np.corrcoef(objectives.permute_dims(z, [1, 2]), rowvar=False)[np.triu_indices(3, 1)]
    # Of standard deviation 1 / sqrt(20,000) = 0.007.
    assert np.all(np.abs(correlations) < 0.03)


@either
def test_permute_dims_draws_all_permutations_alike(compiled):
    z = np.arange(3, dtype=np.float32)[:, np.newaxis].repeat(2, axis=1)

    def draws(seeds):
        return tf.map_fn(lambda seed: objectives.permute_dims(z, seed), seeds, fn_output_signature=tf.float32)

    n = 3600
    counts = Counter(
        tuple(permuted.T.ravel().astype(int)) for permuted in run(compiled, draws, [[7, i] for i in range(n)])
    )
    # Chi-square with 35 degrees of freedom: above 80 with probability 2e-5.
    pairs = [a + b for a in itertools.permutations(range(3)) for b in itertools.permutations(range(3))]
    assert sum((counts[pair] - n / 36) ** 2 / (n / 36) for pair in pairs) < 80


def test_permute_dims_depends_on_both_halves_of_the_seed_alone():
    z = np.arange(60, dtype=np.float32).reshape(20, 3)
    results = {
        seed: objectives.permute_dims(z, seed).numpy().tobytes() for seed in itertools.product(range(3), repeat=2)
    }
    assert len(set(results.values())) == 9
    tf.random.set_seed(5)
    for seed, result in results.items():
        assert objectives.permute_dims(z, seed).numpy().tobytes() == result


CODES = np.random.default_rng(0).normal(0.3, 1.4, (7, 3)).astype(np.float32)


@either
def test_covariance_is_that_of_numpy(compiled):
    expected = np.cov(CODES, rowvar=False, bias=True)
    np.testing.assert_allclose(run(compiled, objectives.covariance, CODES), expected, rtol=1e-5)


@either
def test_distance_from_identity_equals_a_loop_over_entries(compiled):
    def distance(matrix):
        return objectives.distance_from_identity(matrix, 2.0, 7.0)

    matrix = np.cov(CODES, rowvar=False).astype(np.float32)
    expected = 0.0
    for i, j in itertools.product(range(3), repeat=2):
        expected += 7.0 * (matrix[i, j] - 1) ** 2 if i == j else 2.0 * matrix[i, j] ** 2
    np.testing.assert_allclose(run(compiled, distance, matrix), expected, rtol=1e-5)
    assert run(compiled, distance, np.eye(3, dtype=np.float32)) == 0


@pytest.mark.parametrize(("capacity", "expected"), [(0.0, 3.0), (1.0, 2.0), (5.0, 2.0)])
def test_capacity_is_of_the_mean_of_the_batch(capacity, expected):
    # An image with less than C and one with more make up for each other.
    assert objectives.capacity_penalty(tf.constant([1.0, 5.0]), capacity) == expected


def aggregate(z, mean, log_variance, weights):
    """log q(z) and sum_j log q(z_j) of sums over images, float64."""
    z, mean, log_variance = (np.float64(x) for x in (z, mean, log_variance))
    joint, marginals = [], []
    for code, weights_of_code in zip(z, weights, strict=True):
        density, per_latent = 0.0, np.zeros(z.shape[1])
        for m, v, weight in zip(mean, log_variance, weights_of_code, strict=True):
            each = np.exp(-0.5 * (code - m) ** 2 / np.exp(v)) / np.sqrt(2 * np.pi * np.exp(v))
            density, per_latent = density + weight * np.prod(each), per_latent + weight * each
        joint.append(np.log(density))
        marginals.append(np.sum(np.log(per_latent)))
    return np.array(joint), np.array(marginals)


def weights_by_hand(size, dataset, stratified):
    if not stratified:
        return np.full((size, size), 1 / (size * dataset))
    weights, others = np.zeros((size, size)), size - 1
    for i, j in itertools.product(range(size), repeat=2):
        weights[i, j] = 1 / others
        if i == j:
            weights[i, j] = 1 / dataset
        elif j == (i + 1) % size:
            weights[i, j] = (dataset - others) / (dataset * others)
    return weights


def share_of_each_image(weights, own, size=5):
    """The weights of all images for the code of image 0, at the row `own`, averaged over all batches: [size]."""
    batches = [batch for batch in itertools.permutations(range(size), len(weights)) if batch[own] == 0]
    return sum(np.bincount(batch, weights[own], size) for batch in batches) / len(batches)


def test_stratified_weights_sum_to_1_and_weigh_all_images_alike_on_average():
    size, dataset = 4, 5
    weights = np.exp(objectives.stratified_log_weights(size, float(dataset)))
    np.testing.assert_allclose(weights, weights_by_hand(size, dataset, stratified=True), rtol=1e-6)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    # The authors' code has 1/N in the column 0 and (N - M)/(N M) in the column 1.
    authors, others = np.full((size, size), 1 / (size - 1)), size - 1
    authors[:, 0], authors[:, 1] = 1 / dataset, (dataset - others) / (dataset * others)
    for own in range(size):
        np.testing.assert_allclose(share_of_each_image(weights, own), 1 / dataset, rtol=1e-6)
        assert (share_of_each_image(authors, own)[0] == pytest.approx(1 / dataset)) == (own == 0)
    assert share_of_each_image(authors, own=2)[0] == pytest.approx(1 / others)


@either
@pytest.mark.parametrize("stratified", [False, True])
def test_aggregate_densities_equal_sums_over_images(compiled, stratified):
    mean, log_variance = CODES, np.random.default_rng(1).normal(-1, 0.5, CODES.shape).astype(np.float32)
    z = mean + 0.5
    make = objectives.stratified_log_weights if stratified else objectives.weighted_log_weights

    def densities(z, mean, log_variance):
        log_density = objectives.pairwise_log_density(z, mean, log_variance)
        return tf.stack(objectives.aggregate_log_densities(log_density, make(len(mean), 50.0)))

    expected = aggregate(z, mean, log_variance, weights_by_hand(7, 50, stratified))
    np.testing.assert_allclose(run(compiled, densities, z, mean, log_variance), expected, rtol=1e-4)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_stratified_sampling_has_no_bias(size):
    # The mean over all batches of a data set of 5 that hold image 0 in their first row.
    density = np.array([0.9, 0.1, 0.4, 0.2, 0.7])
    weights = np.exp(objectives.stratified_log_weights(size, 5.0)[0])
    batches = [[0, *others] for others in itertools.permutations(range(1, 5), size - 1)]
    estimates = [weights @ density[batch] for batch in batches]
    np.testing.assert_allclose(np.mean(estimates), density.mean(), rtol=1e-6)
    np.testing.assert_allclose(np.exp(objectives.stratified_log_weights(size, 5.0)).sum(axis=1), 1, rtol=1e-6)


def test_weights_of_a_batch_of_one_are_finite():
    for make in (objectives.stratified_log_weights, objectives.weighted_log_weights):
        np.testing.assert_allclose(make(1, 10.0), [[-np.log(10)]], rtol=1e-6)


def test_batch_estimate_of_the_total_correlation_is_near_the_truth_with_few_latents():
    # q(z) = N(0, C) as a mixture of 2,000 posteriors of variance 0.1.
    covariance = np.array([[1.0, 0.7], [0.7, 1.0]])
    rng = np.random.default_rng(0)
    mean = rng.multivariate_normal([0, 0], covariance - 0.1 * np.eye(2), 2000).astype(np.float32)
    z = (mean + np.sqrt(0.1) * rng.normal(size=mean.shape)).astype(np.float32)
    log_density = objectives.pairwise_log_density(z, mean, np.full_like(mean, np.log(0.1)))
    joint, marginals = objectives.aggregate_log_densities(log_density, objectives.weighted_log_weights(2000, 1.0))
    samples = (joint - marginals).numpy()
    # Five standard errors of 2,000 codes (about 0.07), and the bias of a mixture of 2,000, below 0.02.
    tolerance = 5 * samples.std() / np.sqrt(len(samples)) + 0.02
    assert tolerance < 0.12
    assert abs(samples.mean() - -0.5 * np.log(1 - 0.7**2)) < tolerance


def gaussian_logits(z, mean, variance):
    """The logits of an optimal discriminator of N(mean, diag(variance)) and N(0, I), up to what both share: [N, 2]."""
    of_q = -0.5 * np.sum(np.log(variance) + (z - mean) ** 2 / variance, axis=1)
    return np.stack([of_q, -0.5 * np.sum(z**2, axis=1)], axis=1).astype(np.float32)


def test_density_ratio_of_known_gaussians_gives_their_divergence():
    mean, variance = np.array([1.0, -0.5, 0.0]), np.array([0.5, 1.0, 2.0])
    z = mean + np.sqrt(variance) * np.random.default_rng(0).standard_normal((20_000, 3))
    samples = objectives.prior_divergence(gaussian_logits(z, mean, variance))
    tolerance = 5 * samples.std() / np.sqrt(len(samples))
    assert abs(samples.mean() - reference.kl_to_standard_normal(mean, np.log(variance))) < tolerance < 0.1


def test_jensen_shannon_of_known_gaussians_is_that_of_their_densities():
    def density(z, mean, variance):
        return np.exp(-((z - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    grid = np.linspace(-12, 12, 4001)
    q, p = density(grid, 1.5, 0.5), density(grid, 0.0, 1.0)
    middle = (q + p) / 2
    expected = sum(np.sum(f * np.log(f / middle)) for f in (q, p)) / 2 * (grid[1] - grid[0])
    noise = np.random.default_rng(0).standard_normal((2, 20_000, 1))
    logits = [gaussian_logits(z, 1.5, np.array([0.5])) for z in (1.5 + np.sqrt(0.5) * noise[0], noise[1])]
    samples = objectives.jensen_shannon(*logits).numpy()
    tolerance = 5 * samples.std() / np.sqrt(len(samples))
    assert abs(samples.mean() - expected) < tolerance < 0.02 < expected


def test_standardised_columns_have_mean_0_and_variance_1():
    z = np.random.default_rng(0).normal([3.0, -1.0, 0.0], [2.0, 0.5, 1.0], (100, 3)).astype(np.float32)
    z[:, 2] = 7.0
    u = objectives.standardise(z, epsilon=1e-6).numpy()
    expected = (z[:, :2] - z[:, :2].mean(axis=0)) / z[:, :2].std(axis=0)
    np.testing.assert_allclose(u[:, :2], expected, atol=1e-4)
    # A column that does not vary stays finite.
    np.testing.assert_array_equal(u[:, 2], 0)
    # The constant is added to the variance, as batch normalization does.
    narrow = 0.05 * z[:, :2]
    expected = tf.keras.layers.BatchNormalization(epsilon=1e-3)(narrow, training=True)
    np.testing.assert_allclose(objectives.standardise(tf.constant(narrow)), expected, atol=1e-4)


CATEGORY_LOGITS = np.array([[0.0, 0.0, 0.0], [2.0, -1.0, 0.5], [-300.0, 300.0, 0.0]], np.float32)


def test_categorical_kl_is_that_to_the_uniform_distribution():
    kl = objectives.categorical_kl(CATEGORY_LOGITS)
    p = probabilities(CATEGORY_LOGITS[1])
    np.testing.assert_allclose(kl, [0, np.sum(p * np.log(p * 3)), np.log(3)], atol=1e-6)


def test_category_of_a_relaxed_sample_has_the_closed_form_kl():
    # KL = E log q(c) + log C over the categories of relaxed samples, their largest entries.
    n, logits = 20_000, CATEGORY_LOGITS[1]
    uniform = tf.random.stateless_uniform([n, 3], [0, 1])
    relaxed = objectives.relaxed_category(np.tile(logits, (n, 1)), uniform, 0.5)
    np.testing.assert_allclose(np.sum(relaxed, axis=1), 1, rtol=1e-5)
    samples = np.log(probabilities(logits))[np.argmax(relaxed, axis=1)] + np.log(3)
    tolerance = 5 * samples.std() / np.sqrt(n)
    assert abs(samples.mean() - objectives.categorical_kl(logits[np.newaxis])[0]) < tolerance < 0.05


def test_relaxed_samples_are_those_of_tensorflow_probability():
    # Moments at two temperatures; a moment's standard deviation is at most 1/2.
    n, logits = 20_000, CATEGORY_LOGITS[1]
    for temperature in (0.3, 2.0):
        uniform = tf.random.stateless_uniform([n, 3], [0, 1])
        ours = objectives.relaxed_category(np.tile(logits, (n, 1)), uniform, temperature).numpy()
        theirs = tfd.RelaxedOneHotCategorical(temperature, logits).sample(n, seed=(2, 3)).numpy()
        for power in (1, 2):
            difference = np.mean(ours**power, axis=0) - np.mean(theirs**power, axis=0)
            assert np.abs(difference).max() < 5 * 0.5 * np.sqrt(2 / n)


def test_kl_of_relaxed_variables_is_larger_and_the_same_at_each_temperature():
    logits = CATEGORY_LOGITS[1]
    estimates, errors = [], []
    for temperature in (0.5, 2 / 3, 2.0):
        q, p = (tfd.ExpRelaxedOneHotCategorical(temperature, logits=x) for x in (logits, np.zeros(3, np.float32)))
        log_z = q.sample(20_000, seed=(0, 1))
        samples = (q.log_prob(log_z) - p.log_prob(log_z)).numpy()
        estimates.append(samples.mean())
        errors.append(samples.std() / np.sqrt(len(samples)))
    # One seed gives the same Gumbel noise at each temperature, so that equality is exact up to rounding.
    np.testing.assert_allclose(estimates, estimates[0], rtol=1e-3)
    assert estimates[0] - 5 * errors[0] > objectives.categorical_kl(logits[np.newaxis])[0]


@either
def test_relaxed_category_is_finite_and_nears_one_hot(compiled):
    uniform = np.array([[0.0, 0.5, 0.9], [0.1, 0.2, 1 - 2**-24]], np.float32)
    relaxed = run(compiled, lambda u: objectives.relaxed_category(CATEGORY_LOGITS[:2], u, 0.01), uniform)
    gumbel = -np.log(-np.log(np.maximum(np.float64(uniform), 1.2e-38)))
    np.testing.assert_allclose(relaxed, np.eye(3)[np.argmax(CATEGORY_LOGITS[:2] + gumbel, axis=1)], atol=1e-5)


def probabilities(logits):
    return np.exp(np.float64(logits)) / np.exp(np.float64(logits)).sum()
