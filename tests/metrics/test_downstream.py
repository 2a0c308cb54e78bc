import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import downstream_score

DATA = grid((2, 3, 4, 50))
F = scaled_factors(DATA)


def score(mean, **parameters):
    parameters = {"labels": (10, 600), "test": 300, "trees": 30, **parameters}
    return downstream_score(Codes.from_arrays(DATA, mean), np.random.default_rng(0), **parameters)


def test_more_labels_raise_the_accuracy():
    result = score(F[:, :3] @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0])
    assert result["boosted_trees_10"] + 0.1 < result["boosted_trees_600"] == result["score"]
    assert result["logistic_10"] + 0.1 < result["logistic_600"]
    # All but the last factor, of 50 values, which the code does not contain.
    assert 0.7 < result["logistic_600"] < 0.8


def test_constant_codes_get_the_most_frequent_value():
    result = score(np.ones((len(DATA), 2)))
    chance = np.mean([1 / 2, 1 / 3, 1 / 4, 1 / 50])
    # The error of twice 300 images for four factors is 0.025. The most frequent label can be rarer in the test images.
    for name in ("logistic_10", "logistic_600", "boosted_trees_10", "boosted_trees_600"):
        assert result[name] == pytest.approx(chance, abs=0.05)


def test_fewer_images_reduce_the_labels():
    everything = score(F, labels=(100, 10_000), test=10_000, classifiers=("logistic",))
    assert set(everything) == {"score", "standard_error", "logistic_100", "logistic_10000", "active_latents"}
    # 600 images are left for training, and 6 of them for the fewest labels.
    assert everything["logistic_100"] < 0.5 < everything["logistic_10000"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"labels": (1,)}, r"labels=\[1\]"), ({"labels": ()}, "labels"), ({"classifiers": ["knn"]}, "knn")],
)
def test_rejects_parameters_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        score(F, **parameters)
