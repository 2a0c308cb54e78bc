import numpy as np
import pytest

from tests.metrics.reference import Index
from tfvae.metrics import METRICS, in_all, mig_score
from tfvae.metrics.selection import checked_result, selected


def own(codes, rng):
    return {"score": 1.0, "standard_error": 0.0}


def another():
    def own(codes, rng):
        return {}

    return own


@pytest.mark.parametrize(
    "metrics",
    [
        ["sap", "mig"],
        ("sap", "mig"),
        np.array(["sap", "mig"]),
        Index(["sap", "mig"]),
        (name for name in ("sap", "mig")),
    ],
)
def test_names_may_be_any_iterable(metrics):
    names = selected(metrics)
    assert list(names.items()) == [("sap", METRICS["sap"]), ("mig", METRICS["mig"])]
    assert all(type(name) is str for name in names)


def test_all_stands_for_the_registered_metrics():
    assert selected("all") == {name: metric for name, metric in METRICS.items() if not metric.costly}
    assert list(selected(["all", own])) == [*in_all(), "own"]
    assert list(selected(["all", "unfairness"])) == [*in_all(), "unfairness"]
    assert list(selected("all", ["irs"])) == ["irs"]


def test_a_function_needs_no_factors_unless_its_metric_does():
    assert not selected(own)["own"].needs_factors
    assert selected(mig_score) == {"mig_score": METRICS["mig"]}


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        ("gap", ValueError, r"out of \['amari', .*'gap'"),
        (["mig", "gap"], ValueError, "'gap'"),
        ([own, another()], ValueError, "second metric 'own'"),
        (3, TypeError, "Received: 3"),
        ([None], TypeError, "Received: None"),
        (np.array("mig"), TypeError, r"Received: array\('mig'"),
    ],
)
def test_rejects_what_is_not_a_metric(metrics, error, message):
    with pytest.raises(error, match=message):
        selected(metrics)


def test_a_function_may_not_stand_for_another_metric():
    def mig(codes, rng):
        return {}

    with pytest.raises(ValueError, match="second metric 'mig'"):
        selected(mig)


def test_results_are_numbers_of_python():
    result = checked_result("own", {"score": np.float32(0.5), "standard_error": np.array(0.25), "more": [1]})
    assert result == {"score": 0.5, "standard_error": 0.25, "more": [1]}
    assert [type(result[key]) for key in ("score", "standard_error")] == [float, float]
    skipped = {"score": None, "standard_error": None, "skipped": "why"}
    assert checked_result("own", skipped) == skipped


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"score": None},
        {"score": None, "standard_error": 0.1},
        {"score": "0.5", "standard_error": 0.1},
        {"score": [0.5], "standard_error": 0.1},
        {"score": np.inf, "standard_error": 0.1},
        {"score": 0.5, "standard_error": -0.1},
        {"score": 0.5, "standard_error": np.nan},
    ],
)
def test_rejects_results_without_finite_numbers(result):
    with pytest.raises(ValueError, match=r"'own' to return a finite .*Received: \{"):
        checked_result("own", result)
