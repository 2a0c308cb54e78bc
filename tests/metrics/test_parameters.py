import numpy as np
import pytest

from tests.metrics.reference import grid
from tfvae.metrics import METRICS, QUICK, ceiling, score
from tfvae.metrics.parameters import checked_parameters, overlaid
from tfvae.metrics.selection import selected

CODES = np.random.default_rng(0).normal(size=(40, 2))
FACTORS = np.random.default_rng(1).integers(3, size=(40, 2))


def test_parameters_of_the_chosen_metrics_are_kept():
    chosen = selected(["mig", "sap"])
    assert checked_parameters(chosen, {"mig": {"bins": 3}, "dci": {"trees": 5}}) == {"mig": {"bins": 3}}
    assert checked_parameters(METRICS, QUICK) == QUICK


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_refuses_what_it_does_not_take_and_lists_what_it_does(name):
    wrong = {name: {"trials": 3}}
    with pytest.raises(ValueError, match=rf"parameters of '{name}' out of \[.*'(repeats|samples)'.*'trials'") as error:
        score(CODES, FACTORS, metrics="mig", parameters=wrong)
    assert "codes" not in str(error.value).split("Received")[0]
    with pytest.raises(ValueError, match="'trials'"):
        ceiling(grid((2, 3)), metrics="mig", parameters=wrong)
    for value in (True, "many", 0.5, [1], None):
        with pytest.raises(ValueError, match=rf"Expected {name}.repeats of type int\. Received: "):
            checked_parameters(METRICS, {name: {"repeats": value}})
    assert checked_parameters({name: METRICS[name]}, {name: {"repeats": np.int64(3)}}) == {name: {"repeats": 3}}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("irs", {"factor_bins": None, "quantile": 1}),
        ("downstream", {"labels": np.array([10, 20]), "classifiers": ["logistic"]}),
        ("beta_vae", {"classifier": "adagrad"}),
        ("dci", {"alpha": 0.1, "trees": 3}),
    ],
)
def test_values_of_a_parameters_type_are_taken(name, given):
    assert checked_parameters(METRICS, {name: given})[name] == given


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"gap": {}}, r"out of \['amari', .*'gap'"),
        ({"mig": 3}, "parameters of 'mig' by name. Received: 3"),
        ({"irs": {"factor_bins": 2.5}}, "irs.factor_bins of type int | None. Received: 2.5"),
        ({"downstream": {"labels": 10}}, r"downstream.labels of type .*Collection\[int\]. Received: 10"),
        ({"downstream": {"labels": ["ten"]}}, r"Received: \['ten'\]"),
        ({"downstream": {"classifiers": "logistic"}}, "downstream.classifiers of type .*Received: 'logistic'"),
        ({"beta_vae": {"classifier": 3}}, "beta_vae.classifier of type str. Received: 3"),
    ],
)
def test_what_is_wrong_is_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        checked_parameters(METRICS, parameters)


def test_functions_are_checked_as_far_as_they_say_what_they_take():
    def any_name(codes, rng, **parameters):
        return {"score": parameters["power"], "standard_error": 0.0}

    def later(codes, rng, *, powers: "Missing" = ()):  # noqa: F821
        return {"score": len(powers), "standard_error": 0.0}

    assert score(CODES, metrics=any_name, parameters={"any_name": {"power": 2}})["any_name"]["score"] == 2
    assert score(CODES, metrics=later, parameters={"later": {"powers": [1, 2]}})["later"]["score"] == 2


def test_changes_lie_over_a_base():
    base = {"mig": {"bins": 3, "samples": 9}, "sap": {"train": 4}}
    found = overlaid(base, {"mig": {"bins": 5}, "dci": {"trees": 2}})
    assert found == {"mig": {"bins": 5, "samples": 9}, "sap": {"train": 4}, "dci": {"trees": 2}}
    assert base["mig"]["bins"] == 3
