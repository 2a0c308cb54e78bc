import json
from pathlib import Path

import numpy as np
import pytest

import tfvae
from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import METRICS, QUICK, ceiling, register_metric, score, score_codes
from tfvae.metrics.registry import _RESERVED

DATA = grid((3, 4, 5))
F = scaled_factors(DATA)


pytestmark = pytest.mark.usefixtures("own_registrations")


def largest(codes, rng, *, samples=60):
    return {"score": codes.means(np.arange(samples)).max(), "standard_error": 0.0}


def test_a_registered_metric_is_scored_by_name():
    assert tfvae.register_metric("largest", needs_factors=False, quick={"samples": 2})(largest) is largest
    assert list(METRICS)[-1] == "largest"
    assert QUICK["largest"] == {"samples": 2}
    assert score(F, metrics="largest")["largest"] == {"score": 1, "standard_error": 0}
    # The first two images have -1 and -0.5 for the last factor, and -1 for the others.
    assert score(F, metrics="largest", parameters=QUICK)["largest"]["score"] == -0.5
    codes = Codes.from_arrays(DATA, F)
    assert "largest" in score_codes(codes, "all", parameters=QUICK)
    assert "largest" not in ceiling(DATA, parameters=QUICK)


def test_a_bare_function_is_refused_where_metrics_are_kept():
    with pytest.raises(TypeError, match=r"a Metric, as tfvae\.register_metric\('largest'\) makes it\. Received: <func"):
        METRICS["largest"] = largest
    assert "largest" not in METRICS


def test_a_metric_that_needs_factors_is_skipped_without_them():
    register_metric("largest", lower_is_better=True)(largest)
    assert METRICS["largest"].lower_is_better
    assert score(F, metrics="largest")["largest"]["skipped"] == "the data have no factors"
    assert ceiling(DATA, metrics="largest")["largest"]["score"] == 4


def test_a_function_may_be_registered_again_but_not_another_one():
    register_metric("largest")(largest)
    register_metric("largest", needs_factors=False)(largest)
    assert not METRICS["largest"].needs_factors

    def other(codes, rng):
        return {}

    for function in (other, lambda codes, rng: {}):
        with pytest.raises(ValueError, match=r"'largest', which is .*largest"):
            register_metric("largest")(function)
    with pytest.raises(ValueError, match=r"'mig', which is tfvae\.metrics\.mig\.mig_score"):
        register_metric("mig")(largest)
    assert METRICS["largest"].function is largest


@pytest.mark.parametrize("name", ["", "Largest", "the largest", "a,b", "all", "kl", "reconstruction", "seed"])
def test_rejects_malformed_and_reserved_names(name):
    with pytest.raises(ValueError, match=f"Received: {name!r}"):
        register_metric(name)
    assert name not in METRICS


def test_all_other_keys_of_the_zoos_scores_are_reserved():
    files = list(Path(__file__).parents[2].glob("zoo/*/scores.json"))
    assert files
    for file in files:
        assert set(json.loads(file.read_text())) - set(METRICS) <= _RESERVED


@pytest.mark.parametrize(
    ("function", "quick"), [(lambda codes: {}, {}), (largest, {"votes": 3}), (lambda codes, rng, samples: {}, {})]
)
def test_rejects_functions_that_do_not_take_what_they_are_given(function, quick):
    with pytest.raises(TypeError, match="Expected metric 'own' to be a function of"):
        register_metric("own", quick=quick)(function)
    assert "own" not in METRICS
