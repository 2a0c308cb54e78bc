import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from tfvae.metrics.boosting import boosted_classes, boosted_values


@pytest.fixture(scope="module")
def inputs():
    # Few distinct numbers, so that LightGBM's bins are all possible splits, but enough that splits seldom tie.
    return np.round(np.random.default_rng(0).normal(size=(600, 4)), 1)


@pytest.mark.parametrize("classes", [3, 5])
def test_equals_scikit_learns_classifier(inputs, classes):
    rng = np.random.default_rng(1)
    signal = inputs[:, 0] + 0.5 * inputs[:, 1] ** 2 + 0.3 * rng.normal(size=600)
    y = np.searchsorted(np.quantile(signal, np.arange(1, classes) / classes), signal) * 7 - 3
    importance, fitted, predicted = boosted_classes(inputs[:400], y[:400], inputs[400:])
    model = GradientBoostingClassifier(random_state=0).fit(inputs[:400], y[:400])
    # Ties between splits of small nodes are broken differently.
    np.testing.assert_allclose(importance, model.feature_importances_, atol=0.02)
    assert np.mean(fitted == model.predict(inputs[:400])) > 0.98
    assert np.mean(predicted == model.predict(inputs[400:])) > 0.93


def test_equals_scikit_learns_regressor(inputs):
    y = inputs[:, 0] + 0.5 * inputs[:, 1] ** 2
    importance, fitted, predicted = boosted_values(inputs[:400], y[:400], inputs[400:])
    model = GradientBoostingRegressor(random_state=0).fit(inputs[:400], y[:400])
    np.testing.assert_allclose(importance, model.feature_importances_, atol=0.02)
    assert np.mean((fitted - model.predict(inputs[:400])) ** 2) < 0.01 * np.var(y)
    assert np.mean((predicted - model.predict(inputs[400:])) ** 2) < 0.02 * np.var(y)


def test_without_splits_the_most_frequent_class_is_predicted(inputs):
    y = np.array([2, 5, 5, 5])
    for x in (np.zeros((4, 2)), np.zeros((4, 0))):
        importance, fitted, predicted = boosted_classes(x, y, x[:1])
        assert (importance == 0).all()
        assert fitted.tolist() == [5, 5, 5, 5]
        assert predicted.tolist() == [5]
    importance, fitted, _ = boosted_classes(inputs, np.full(600, 3), inputs)
    assert (importance.sum(), set(fitted)) == (0, {3})
    assert boosted_values(inputs, np.full(600, 2.5), inputs[:2])[2].tolist() == [2.5, 2.5]
