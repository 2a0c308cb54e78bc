import numpy as np
import pytest

from tfvae.objectives.labels import LABEL_LOSSES, covariance, cross_entropy, squared_error

RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(7, 4)).astype(np.float32)
LABELS = RNG.random((7, 3)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def test_cross_entropy_is_that_of_bernoulli_variables():
    total = 0.0
    for means, labels in zip(MEAN, LABELS, strict=True):
        for mean, label in zip(means, labels, strict=False):  # the fourth latent is free
            total -= label * np.log(sigmoid(mean)) + (1 - label) * np.log(1 - sigmoid(mean))
    assert float(cross_entropy(MEAN, LABELS)) == pytest.approx(total / 7, rel=1e-5)


@pytest.mark.parametrize(
    ("mean", "factors", "published"), [(0.0, 5, 221.807), (0.0, 10, 2 * 221.807), (1.0, 10, 840.48)]
)
def test_cross_entropy_times_the_batch_is_that_of_disentanglement_lib(mean, factors, published):
    found = cross_entropy(np.full([64, 10], mean, np.float32), np.zeros([64, factors], np.float32))
    assert 64 * float(found) == pytest.approx(published, abs=0.01)


def test_squared_error_compares_the_sigmoid_of_the_means():
    expected = sum(np.sum((sigmoid(means[:3]) - labels) ** 2) for means, labels in zip(MEAN, LABELS, strict=True)) / 7
    assert float(squared_error(MEAN, LABELS)) == pytest.approx(expected, rel=1e-5)


def test_covariance_is_that_of_latents_with_the_factors_of_other_latents():
    expected = 0.0
    for latent in range(4):
        for factor in range(3):
            if latent != factor:
                expected += np.cov(MEAN[:, latent], LABELS[:, factor], bias=True)[0, 1] ** 2
    assert float(covariance(MEAN, LABELS)) == pytest.approx(expected, rel=1e-4)
    swapped = np.float32([[1, 0], [0, 1]])  # as in disentanglement_lib's test
    assert float(covariance(swapped, swapped[:, ::-1])) == pytest.approx(0.125)


@pytest.mark.parametrize("name", LABEL_LOSSES)
def test_factors_as_latents_have_less_loss_than_in_another_order(name):
    labels = np.float32(RNG.random((500, 3)))
    logits = np.log(labels / (1 - labels))
    assert LABEL_LOSSES[name](logits, labels) < LABEL_LOSSES[name](logits[:, [1, 2, 0]], labels)
