import importlib

import numpy as np
import pytest

from tfvae.analysis.total_correlation import total_correlation
from tfvae.codes import Codes
from tfvae.data import ImageData
from tfvae.metrics import METRICS, score

RNG = np.random.default_rng(0)
MEANS, LOG_VARIANCE = RNG.normal(size=(100, 2)), np.full((100, 2), -3.0)


@pytest.fixture(autouse=True)
def _registered(own_registrations):
    importlib.reload(importlib.import_module("tfvae.analysis.as_metrics"))


def test_a_score_of_this_name_is_the_true_total_correlation():
    parameters = {"samples": 50, "resolution": 0.3}
    found = score(
        MEANS,
        log_variance=LOG_VARIANCE,
        metrics="true_total_correlation",
        parameters={"true_total_correlation": parameters},
    )
    codes = Codes.from_arrays(ImageData("blank", np.zeros([100, 2, 2, 1], np.uint8)), MEANS, LOG_VARIANCE)
    values = [
        total_correlation(codes, np.random.default_rng(seed), **parameters)["total_correlation"] for seed in range(8)
    ]
    result = found["true_total_correlation"]
    assert abs(result["score"] - np.mean(values)) < 5 * result["standard_error"]
    assert METRICS["true_total_correlation"].lower_is_better
    assert not METRICS["true_total_correlation"].needs_factors


def test_codes_without_a_posterior_are_refused():
    with pytest.raises(ValueError, match="codes without log variances"):
        score(MEANS, metrics="true_total_correlation")
