import inspect
import typing

import numpy as np
import pytest

from tfvae.evaluation import evaluate
from tfvae.metrics import METRICS, QUICK, register_metric
from tfvae.metrics.trial import check_values
from tfvae.studies.study import Evaluation


def integers(name):
    function = METRICS[name].function
    hints = typing.get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[2:]
    return [each.name for each in parameters if hints[each.name] in (int, int | None)]


@pytest.mark.parametrize("name", METRICS)
def test_no_metric_takes_a_count_below_one_and_every_one_takes_its_defaults(name):
    for key in integers(name):
        for value in (0, -1):
            with pytest.raises(ValueError, match=rf"^{name}: Expected .*Received: .*{value}"):
                check_values({name: {key: value}})
    signature = inspect.signature(METRICS[name].function)
    defaults = {key: signature.parameters[key].default for key in integers(name)}
    check_values({name: {**defaults, "repeats": 2, integers(name)[0]: 100_000}})


def test_studies_and_evaluations_refuse_a_value_before_they_train_or_encode():
    def encode(images):
        raise AssertionError("encoded")

    parameters = {"dci": {"repeats": 1}}
    with pytest.raises(ValueError, match=r"dci: Expected repeats >= 2\. Received: repeats=1"):
        Evaluation(["dci"], parameters=parameters)
    with pytest.raises(ValueError, match=r"dci: Expected repeats >= 2\. Received: repeats=1"):
        evaluate(encode, np.zeros([8, 4, 4, 1]), metrics="dci", parameters=parameters)
    with pytest.raises(ValueError, match=r"irs: Expected quantile in \(0, 1\]"):
        check_values({"irs": {"quantile": 2.0}})


@pytest.mark.usefixtures("own_registrations")
def test_what_may_depend_on_the_codes_is_not_tried(monkeypatch):
    @register_metric("strict", needs_factors=False)
    def strict(codes, rng, *, repeats=3):
        raise ValueError("Expected images. Received: none")

    check_values({"strict": {"repeats": 1}, "factor_vae": {"discrete": [7]}})
    monkeypatch.setattr("tfvae.metrics.trial._try", lambda *arguments: pytest.fail("tried"))
    check_values(QUICK)
