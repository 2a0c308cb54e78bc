import numpy as np
import pytest

from tests.metrics import reference
from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import beta_vae, beta_vae_score
from tfvae.metrics.beta_vae import _adagrad, _logistic, difference_features

SIZES = (3, 4, 5, 6, 7)


@pytest.fixture(scope="module")
def data():
    return grid(SIZES)


def score(codes, **parameters):
    parameters = {"pairs": 50, "train": 500, "evaluation": 500, "repeats": 2, **parameters}
    return beta_vae_score(codes, np.random.default_rng(1), **parameters)


def mixed_codes(data):
    factors = scaled_factors(data)
    return factors @ np.random.default_rng(0).normal(size=(5, 5))


@pytest.mark.parametrize("chunk", [200_000, 7])
def test_features_equal_naive_loops(chunk, monkeypatch):
    monkeypatch.setattr(beta_vae, "_CHUNK", chunk)
    data = grid((3, 1, 4, 5))
    mean = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    points = 20 if chunk > 100 else 1  # a single chunk draws the same random numbers in the same order
    features, labels = difference_features(Codes.from_arrays(data, mean), np.random.default_rng(1), points, 7)
    expected, expected_labels = reference.difference_features(data, mean, np.random.default_rng(1), points, 7)
    np.testing.assert_array_equal(labels, expected_labels)
    np.testing.assert_allclose(features, expected, rtol=1e-6)


def test_looking_up_fewer_numbers_at_once_changes_nothing(data, monkeypatch):
    codes = Codes.from_arrays(data, mixed_codes(data))
    at_once = difference_features(codes, np.random.default_rng(0), 50, 20)
    for numbers in (1, 7 * 20 * codes.latent_dim):
        monkeypatch.setattr(beta_vae, "_NUMBERS", numbers)
        for found, expected in zip(difference_features(codes, np.random.default_rng(0), 50, 20), at_once, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_differences_of_categories_are_zero_or_one():
    data = grid((3, 1, 4, 5))
    category = np.random.default_rng(0).integers(3, size=60)
    codes = Codes.from_arrays(data, np.zeros((60, 1)), probabilities=np.eye(3)[category])
    differ = difference_features(codes, np.random.default_rng(1), 20, 7)[0]
    columns = [Codes.from_arrays(data, np.eye(3)[category][:, [c]]) for c in range(3)]
    ones = [difference_features(each, np.random.default_rng(1), 20, 7)[0][:, 0] for each in columns]
    # Each pair that differs does so in two of the three columns of its one-hot codes.
    np.testing.assert_allclose(differ[:, 1], np.sum(ones, axis=0) / 2, rtol=1e-6)
    assert 0 < differ[:, 1].mean() < 1


def test_features_do_not_depend_on_the_chunk_in_distribution(data, monkeypatch):
    codes = Codes.from_arrays(data, scaled_factors(data))
    monkeypatch.setattr(beta_vae, "_CHUNK", 30)
    features, labels = difference_features(codes, np.random.default_rng(0), 400, 10)
    np.testing.assert_array_equal(features.argmin(axis=1), labels)
    np.testing.assert_array_equal(features[np.arange(400), labels], 0)
    # Two independent values of n equally spaced ones in [-1, 1] differ by 2 (n + 1) / (3 n) on average; 80 points of
    # 10 pairs are 0.5 / sqrt(3200) = 0.009 off, the others' share of 400 points.
    for k, n in enumerate(SIZES):
        assert features[labels != k, k].mean() == pytest.approx(2 * (n + 1) / (3 * n), abs=5 * 0.009)


@pytest.mark.parametrize("classifier", ["logistic", "adagrad"])
def test_a_code_for_each_factor_scores_one(data, classifier):
    codes = Codes.from_arrays(data, scaled_factors(data))
    assert score(codes, classifier=classifier) == {"score": 1.0, "standard_error": 0.0, "train_accuracy": 1.0}


def test_a_missing_factor_is_not_noticed(data):
    # The failure mode of Figure 3: K - 1 factors are enough for 100%.
    codes = Codes.from_arrays(data, scaled_factors(data)[:, 1:])
    assert score(codes)["score"] == 1


def test_noise_scores_chance(data):
    codes = Codes.from_arrays(data, np.random.default_rng(0).normal(size=(len(data), 5)))
    # 1,000 points at 1/5: standard error 0.0126.
    assert score(codes)["score"] == pytest.approx(0.2, abs=5 * 0.0126)


@pytest.mark.parametrize("classifier", ["logistic", "adagrad"])
def test_constant_codes_score_chance(data, classifier):
    codes = Codes.from_arrays(data, np.full((len(data), 3), 0.1))
    assert score(codes, classifier=classifier) == {"score": 0.2, "standard_error": 0.0, "train_accuracy": 0.2}


def test_constant_latents_do_not_matter(data):
    mean = np.concatenate([np.full((len(data), 1), 0.1), scaled_factors(data), np.zeros((len(data), 1))], axis=1)
    assert score(Codes.from_arrays(data, mean))["score"] == 1


def test_scale_of_latents_does_not_matter_to_logistic_regression(data):
    mean = mixed_codes(data)
    plain = score(Codes.from_arrays(data, mean))["score"]
    scaled = score(Codes.from_arrays(data, mean * [1e-3, -50.0, 1.0, 0.2, 7.0]))["score"]
    assert 0.3 < plain < 1
    assert scaled == pytest.approx(plain, abs=2 / 1000)  # a point on the boundary may fall on either side


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_logistic_regression_is_at_its_optimum(classes):
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=300)
    features = rng.normal(size=(300, 4)) * [1, 10, 0.1, 1] + labels[:, None] * [0.5, 3, 0.0, 0] + 5
    weights, bias = _logistic(features, labels, classes, rng)
    logits = features @ weights + bias
    likelihoods = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = likelihoods / likelihoods.sum(axis=1, keepdims=True) - np.eye(classes)[labels]
    # The gradient of the mean loss: 0 for the bias, minus the penalty's for weights of standardised features. Where
    # there are two classes only the difference of their logits counts, and one of them is 0.
    standardised = (features - features.mean(axis=0)) / features.std(axis=0)
    penalty = 1e-4 * weights * features.std(axis=0)[:, None]
    shown = slice(1, None) if classes == 2 else slice(None)
    np.testing.assert_allclose(error.mean(axis=0), 0, atol=3e-5)
    np.testing.assert_allclose((standardised.T @ error / 300 + penalty)[:, shown], 0, atol=3e-5)


def test_logistic_regression_never_predicts_absent_labels():
    rng = np.random.default_rng(0)
    features = np.array([[0.0], [0.1], [1.0], [1.1]])
    for labels in ([1, 1, 3, 3], [2, 2, 2, 2]):
        weights, bias = _logistic(features, np.array(labels), 4, rng)
        np.testing.assert_array_equal((features @ weights + bias).argmax(axis=1), labels)


def test_adagrad_equals_naive_loops():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=25)
    features = rng.normal(size=(25, 2)) + labels[:, None]
    weights, bias = _adagrad(features, labels, 3, np.random.default_rng(1), iterations=6)
    rng = np.random.default_rng(1)
    order = np.concatenate([rng.permutation(25) for _ in range(3)])[:60].reshape(6, 10)
    expected_weights, expected_bias = reference.adagrad(features, labels, 3, order)
    np.testing.assert_allclose(weights, expected_weights, rtol=1e-9)
    np.testing.assert_allclose(bias, expected_bias, rtol=1e-9, atol=1e-12)


def test_adagrad_improves_with_iterations_towards_logistic_regression(data):
    # Figure 16: the metric rises with the iterations of Adagrad, which are not enough at 10,000.
    codes = Codes.from_arrays(data, mixed_codes(data))
    features, labels = difference_features(codes, np.random.default_rng(0), 2000, 50)

    def accuracy(weights, bias):
        return np.mean((features @ weights + bias).argmax(axis=1) == labels)

    few, many = (accuracy(*_adagrad(features, labels, 5, np.random.default_rng(1), n)) for n in (100, 10_000))
    assert few + 0.02 < many < accuracy(*_logistic(features, labels, 5, np.random.default_rng(1))) - 0.02


def test_features_agree_with_disentanglement_lib():
    data, mean = reference.oracle(rotated=True)
    codes = Codes.from_arrays(data, mean)
    rng = np.random.default_rng(0)
    features, labels = difference_features(codes, rng, 10_000, 64)
    new_features, new_labels = difference_features(codes, rng, 5_000, 64)
    by_defaults = reference.default_logistic_score(features, labels, new_features, new_labels)
    # Both are one draw of 5,000 points, standard error 0.0036. Four errors of the difference.
    assert by_defaults == pytest.approx(0.9312, abs=4 * 0.0036 * 2**0.5)
    weights, bias = _logistic(features, labels, 5, rng)
    converged = np.mean((new_features @ weights + bias).argmax(axis=1) == new_labels)
    assert converged == pytest.approx(0.9312, abs=4 * 0.0036 * 2**0.5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"classifier": "svm"}, r"\['adagrad', 'logistic'\].*'svm'"),
        ({"pairs": 0}, "pairs=0"),
        ({"train": 0}, "train=0"),
        ({"evaluation": 0}, "evaluation=0"),
        ({"repeats": 0}, "repeats=0"),
    ],
)
def test_rejects_parameters_out_of_range(data, parameters, message):
    with pytest.raises(ValueError, match=message):
        score(Codes.from_arrays(data, scaled_factors(data)), **parameters)
