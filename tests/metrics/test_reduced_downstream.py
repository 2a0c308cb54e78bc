import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from tests.metrics import reference
from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorTable
from tfvae.metrics import reduced_downstream_score
from tfvae.metrics.scoring import Labelled

# Drawn with replacement. Of a grid of which most images train, the other latents tell which values are left to test.
TABLE = np.random.default_rng(0).integers(0, [3, 4, 5, 10], size=(900, 4))
DATA = Labelled(FactorTable("abcd", TABLE))
F = TABLE / [1.0, 1.5, 2.0, 4.5] - 1
CHANCE = np.mean([1 / 3, 1 / 4, 1 / 5, 1 / 10])
# Of 300 test images twice for four factors: 0.009.
ERROR = 0.04


def score(mean, **parameters):
    parameters = {"train": 600, "test": 300, "trees": 15, **parameters}
    return reduced_downstream_score(Codes.from_arrays(DATA, mean), np.random.default_rng(0), **parameters)


def test_a_factor_in_one_latent_is_lost_and_copies_of_it_are_removed_one_by_one():
    for copies in (1, 2):
        result = score(np.tile(F, copies), most_removed=2, trees=10)
        assert result["score"] == result["removed_1"]
        accuracies = [result[f"removed_{number}"] for number in range(3)]
        assert accuracies[:copies] == pytest.approx([1] * copies, abs=0.02)
        assert accuracies[copies:] == pytest.approx([CHANCE] * (3 - copies), abs=ERROR)
        assert result["floor"] == pytest.approx(CHANCE, abs=ERROR)


def test_a_factor_is_scored_without_its_own_latents():
    # The first factor in two latents, the others in one.
    result = score(np.concatenate([F, F[:, :1]], axis=1))
    assert np.shape(result["per_factor"]) == (4, 3)
    expected = [[1, 1, 1 / 3], [1, 1 / 4, 1 / 4], [1, 1 / 5, 1 / 5], [1, 1 / 10, 1 / 10]]
    np.testing.assert_allclose(result["per_factor"], expected, atol=0.08)
    assert result["removed_1"] == pytest.approx(np.mean(result["per_factor"], axis=0)[1])


def test_a_rotation_keeps_what_a_single_latent_does_not_hold_alone():
    rotated = score(F @ np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0])
    assert rotated["floor"] + 0.1 < rotated["score"] < rotated["removed_0"] - 0.05


def test_without_latents_the_most_frequent_value_is_guessed():
    for codes in (np.ones_like(F), F[:, :1]):
        result = score(codes, most_removed=2)
        assert result["removed_2"] == result["floor"]
    assert score(np.ones_like(F))["removed_0"] == result["floor"]


def test_agrees_with_a_naive_port_of_disentanglement_lib():
    mean = F @ np.random.default_rng(0).normal(size=(4, 4))

    def classifier():
        return GradientBoostingClassifier(n_estimators=5, random_state=0)

    expected = reference.reduced_downstream(DATA, mean, np.random.default_rng(0), 600, 300, 2, classifier)
    result = score(mean, trees=5)
    # The standard error of a split is that of 300 images of four factors, 0.014, and that of two a little less.
    assert [result[f"removed_{number}"] for number in range(3)] == pytest.approx(expected, abs=0.055)


@pytest.mark.parametrize("wrong", [{"most_removed": 0}, {"trees": 0}])
def test_rejects_parameters_out_of_range(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=rf"{name} >= 1.* Received: .*{name}={value}"):
        score(F, **wrong)


def test_on_a_grid_that_is_trained_on_nearly_whole_accuracies_fall_below_the_floor():
    data = grid((3, 4, 5, 10))
    codes = Codes.from_arrays(data, scaled_factors(data))
    result = reduced_downstream_score(codes, np.random.default_rng(0), train=500, test=100, trees=30)
    assert result["score"] < result["floor"] - 0.05
