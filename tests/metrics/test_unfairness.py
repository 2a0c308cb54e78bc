import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from tests.metrics import reference
from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorTable
from tfvae.metrics import unfairness_score
from tfvae.metrics.ignored import ignoring
from tfvae.metrics.scoring import Labelled
from tfvae.metrics.unfairness import dependence, total_variation

DATA = grid((3, 4, 5, 10))
F = scaled_factors(DATA)
# 100 for each of four factors, so that 10 of them have each of the 10 values of the last.
INTERVENED = {"train": 200, "test": 100, "trees": 10}
CONDITIONED = {"train": 400, "test": 200, "trees": 10}
MIXED = F @ np.random.default_rng(0).normal(size=(4, 4))


def score(mean, data=DATA, seed=0, **parameters):
    return unfairness_score(Codes.from_arrays(data, mean), np.random.default_rng(seed), **parameters)


def table(data=DATA):
    return Labelled(FactorTable(data.factors.names, data.factors.to_factors(np.arange(len(data)))))


def without_boosting(monkeypatch, predict):
    """Predictions are a function of the codes alone."""
    monkeypatch.setattr("tfvae.metrics.unfairness.boosted_classes", lambda x, y, x_test, trees: (0, 0, predict(x_test)))


def test_the_uncorrected_estimate_is_the_published_one():
    rng = np.random.default_rng(0)
    for classes, groups in ((rng.integers(4, size=(50, 3)), rng.integers(3, size=(50, 3))), ([[0, 0, 2]], [[1, 0, 1]])):
        published = reference.group_unfairness(np.ravel(classes), np.ravel(groups))
        assert total_variation(np.array(classes), np.array(groups)) == pytest.approx(published)
    # disentanglement_lib's own example: 2/9.
    assert total_variation(np.array([0, 0, 1]), np.array([0, 1, 1])) == pytest.approx(2 / 9)


def test_a_copy_of_a_uniform_factor_scores_one_less_its_chance():
    for values in (2, 5):
        copied = np.tile(np.arange(values), 200)
        assert total_variation(copied, copied) == pytest.approx(1 - 1 / values)
        estimate = dependence(copied[:, None], copied[:, None], np.random.default_rng(0))
        # Halves have unequal numbers of the values, which changes sum_v p(v)^2 = 1/V by 1/N.
        assert estimate == pytest.approx(1 - 1 / values, abs=5e-3)


@pytest.mark.parametrize(("units", "size"), [(600, 1), (40, 6)])
def test_the_estimate_of_independent_predictions_is_0_on_average_and_the_uncorrected_one_is_not(units, size):
    rng = np.random.default_rng(0)
    found, uncorrected = [], []
    for _ in range(60):
        classes = rng.integers(8, size=(units, size))
        groups = rng.integers(6, size=(units, 1)) if size == 1 else np.tile(np.arange(6), (units, 1))
        found.append(dependence(classes, groups, rng))
        uncorrected.append(total_variation(classes, groups))
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(60) < 0.03
    assert np.mean(uncorrected) > 0.08


def test_the_estimate_equals_naive_halves():
    rng = np.random.default_rng(0)
    classes, groups = rng.integers(3, size=(11, 2)), np.tile(np.arange(2), (11, 1))
    expected = reference.halved_unfairness(classes, groups, np.random.default_rng(1))
    assert dependence(classes, groups, np.random.default_rng(1)) == pytest.approx(expected)
    assert dependence(classes[:1], groups[:1], rng) == 0  # a single unit cannot be halved


def test_units_are_not_divided():
    # Each unit has one prediction for all of its versions: perfectly fair. As single images, halves would disagree.
    classes = np.repeat(np.random.default_rng(0).integers(5, size=(30, 1)), 4, axis=1)
    assert dependence(classes, np.tile(np.arange(4), (30, 1)), np.random.default_rng(0)) == 0


@pytest.mark.parametrize("parameters", [INTERVENED, CONDITIONED], ids=["interventional", "conditional"])
def test_a_code_of_the_factors_is_fair_and_a_copied_factor_is_not(parameters, monkeypatch):
    fair = score(F, **parameters)
    assert fair["interventional"] == (parameters is INTERVENED)
    # The 200 images of the conditional case are not quite uniform.
    assert fair["score"] == pytest.approx(0, abs=1e-12 if fair["interventional"] else 0.05)
    assert fair["accuracy"] > 0.95
    without_boosting(monkeypatch, lambda x: np.unique(x[:, 0], return_inverse=True)[1])
    pairs = np.array(score(F, **parameters)["pairs"])
    copied = 1 - 1 / 3
    assert pairs[1:, 0] == pytest.approx(np.full(3, copied), abs=0.02)
    assert pairs[:, 1:] == pytest.approx(np.zeros((4, 3)), abs=1e-12 if parameters is INTERVENED else 0.1)


def test_the_score_is_the_mean_of_the_pairs_and_the_uncorrected_one_of_as_many_points_as_published(monkeypatch):
    result = score(MIXED, **INTERVENED)
    assert np.diag(result["pairs"]).tolist() == [0] * 4
    assert result["score"] == pytest.approx(np.sum(result["pairs"]) / 12)
    # Of 100 images for each sensitive factor, 33 have each value of the first, and 10 of the last.
    shapes = []
    monkeypatch.setattr("tfvae.metrics.unfairness.total_variation", lambda c, g: float(shapes.append(c.shape) or 0))
    score(MIXED, **INTERVENED, points=15)
    assert {*shapes} == {(15, 3), (15, 4), (15, 5), (10, 10)}
    monkeypatch.setattr("tfvae.metrics.unfairness.dependence", lambda c, g, rng: float(shapes.append(c.shape) or 0))
    score(MIXED, **INTERVENED, points=15)
    assert {*shapes} == {(15, 3), (15, 4), (15, 5), (10, 10), (33, 3), (25, 4), (20, 5)}


def test_agrees_with_a_naive_port_of_disentanglement_lib(monkeypatch):
    def classifier():
        return GradientBoostingClassifier(n_estimators=5, random_state=0)

    expected = [
        reference.unfairness(DATA, np.float32(MIXED), np.random.default_rng(seed), 200, 10, classifier)
        for seed in range(3)
    ]
    result = score(MIXED, **{**INTERVENED, "points": 10, "trees": 5, "repeats": 3})
    error = np.hypot(np.std(expected, ddof=1) / np.sqrt(3), 3 * result["standard_error"])
    assert result["uncorrected"] == pytest.approx(np.mean(expected), abs=3 * error)
    assert result["uncorrected"] > result["score"] + 0.02


def test_training_images_are_not_tested(monkeypatch):
    seen = {}

    def boosted(x, y, x_test, trees):
        seen.setdefault("both", []).append(len({*map(tuple, x.tolist())} & {*map(tuple, x_test.tolist())}))
        return 0, 0, np.zeros(len(x_test), int)

    monkeypatch.setattr("tfvae.metrics.unfairness.boosted_classes", boosted)
    for parameters in (INTERVENED, CONDITIONED):
        score(F, **parameters)
    assert seen["both"] == [0] * 16


def test_interventions_and_conditions_agree_where_factors_are_independent(monkeypatch):
    # A rule that depends on all factors, so that trees do not see which images train them.
    without_boosting(monkeypatch, lambda x: (3 * x[:, 0] + 2 * x[:, 1] + x[:, 2] > 0).astype(int) + (x[:, 3] > 1))
    by_intervention, by_condition = score(F, **INTERVENED), score(F, table(), repeats=8, train=100, test=500)
    assert (by_intervention["interventional"], by_condition["interventional"]) == (True, False)
    errors = by_intervention["standard_error"], by_condition["standard_error"]
    assert by_condition["score"] == pytest.approx(by_intervention["score"], abs=4 * np.hypot(*errors) + 0.02)
    assert by_intervention["score"] > 0.1


def test_a_grid_without_enough_images_is_conditioned():
    enough = {"train": 200, "test": 100, "trees": 1}
    assert score(F, **enough)["interventional"]
    assert not score(F, **{**enough, "test": 99})["interventional"]
    assert not score(F, **{**enough, "train": 201})["interventional"]
    assert not score(F, table(), **enough)["interventional"]


def test_correlated_factors_are_shown_by_what_the_true_factors_score():
    rng = np.random.default_rng(0)
    first = rng.integers(4, size=900)
    second = np.where(rng.random(900) < 0.8, first, rng.integers(4, size=900))
    columns = np.stack([first, second, rng.integers(3, size=900)], axis=1)
    data = Labelled(FactorTable("abc", columns))
    result = score(columns, data, train=500, test=400, trees=10)
    assert result["accuracy"] == 1
    assert result["pairs"][0][1] == pytest.approx(0.8 * 3 / 4, abs=0.05)
    assert result["score"] == pytest.approx(result["true_factors"], abs=0.01)
    # Two of the six pairs are correlated.
    constant = score(np.ones((900, 1)), data, train=500, test=400)
    assert (constant["score"], constant["true_factors"]) == (0, pytest.approx(0.6 / 3, abs=0.05))


def test_ignored_factors_vary_but_are_neither_targets_nor_sensitive():
    codes = ignoring(Codes.from_arrays(DATA, MIXED), ["factor2", "factor3"])
    result = unfairness_score(codes, np.random.default_rng(0), **INTERVENED)
    assert np.shape(result["pairs"]) == (2, 2)
    assert result["interventional"]


def test_predictions_of_nothing_are_fair():
    result = score(np.ones_like(F), **INTERVENED)
    assert (result["score"], result["uncorrected"], result["active_latents"]) == (0, 0, 0)
    assert result["accuracy"] < 0.4


@pytest.mark.parametrize("wrong", [{"points": 0}, {"trees": 0}, {"repeats": 1}, {"train": 0}])
def test_rejects_parameters_out_of_range(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=rf"Expected .*{name} >= .* Received: .*{name}={value}"):
        score(F, **wrong)
