"""Two representations of dSprites' factors against disentanglement_lib's own scores (commit 86a644d, seed 0).

Each of its scores is one draw. Ours are means of several draws. With e the standard error of the mean of R draws, four
standard errors of the difference between one draw and the mean are 4 e sqrt(R + 1).
"""

import numpy as np
import pytest

from tests.metrics import reference
from tfvae.codes import Codes
from tfvae.metrics import METRICS
from tfvae.metrics.sap import _accuracy

REPEATS = 8
# Metric, parameters, number's name, score of the identity, of the rotated code.
PUBLISHED = [
    ("mig", {}, "score", 0.89465, 0.23255),
    ("modularity", {}, "score", 0.84063, 0.79898),
    ("irs", {}, "score", 0.49965, 0.32628),
    ("mutual_information", {}, "score", 0.012606, 0.043383),
    ("total_correlation", {}, "score", 0.0034376, 0.063727),
    ("wasserstein_correlation", {}, "score", 0.00034187, 0.0076819),
    ("wasserstein_correlation", {}, "unnormalised", 0.0013181, 0.029619),
    # With the defaults of scikit-learn 0.21, which its authors used.
    ("explicitness", {"repeats": 3}, "score", 0.926385, 0.926299),
    ("explicitness", {"repeats": 3}, "train_score", 0.936495, 0.936418),
    ("sap", {"repeats": 3}, "score", 0.24324, 0.09628),
]


@pytest.fixture(scope="module")
def representations():
    return {rotated: Codes.from_arrays(*reference.oracle(rotated)) for rotated in (False, True)}


@pytest.fixture(scope="module")
def scores(representations):
    kept = {}

    def score(metric, rotated, parameters):
        if (metric, rotated) not in kept:
            kept[metric, rotated] = METRICS[metric].function(
                representations[rotated], np.random.default_rng(1), **{"repeats": REPEATS, **parameters}
            )
        return kept[metric, rotated]

    return score


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize(("metric", "parameters", "name", "identity", "mixed"), PUBLISHED)
def test_agrees_with_disentanglement_lib(scores, metric, parameters, name, identity, mixed, rotated):
    result = scores(metric, rotated, parameters)
    repeats = parameters.get("repeats", REPEATS)
    scale = result[name] / result["score"] if name == "unnormalised" else 1
    # Three draws estimate their spread poorly; eight draws of these give 0.001 for one draw.
    error = max(result["standard_error"] * scale, 0.001 / 3**0.5 if repeats == 3 else 0)
    assert result[name] == pytest.approx(mixed if rotated else identity, abs=4 * error * (repeats + 1) ** 0.5)


def test_multinomial_explicitness_agrees_with_newer_scikit_learn(representations):
    result = METRICS["explicitness"].function(
        representations[False], np.random.default_rng(1), classifier="multinomial", repeats=2
    )
    # Two draws of this size show a standard error of 0.0005 for one.
    assert result["score"] == pytest.approx(0.98160, abs=4 * 0.0005 * 1.5**0.5)


def test_boosted_trees_recover_the_identity(representations):
    few = {"train": 1_000, "test": 100, "trees": 20}
    result = METRICS["dci"].function(representations[False], np.random.default_rng(1), **few)
    # disentanglement_lib has 1 and 1, with ten times the images and five times the trees.
    assert result["score"] == pytest.approx(1, abs=0.03)
    assert result["completeness"] == pytest.approx(1, abs=0.03)


def test_sap_standardises_latents_that_a_fixed_penalty_would_suppress():
    # Unlike disentanglement_lib, on purpose: a code is not worse in other units.
    data = reference.grid((3, 3, 100))
    mean = reference.scaled_factors(data)
    few = {"train": 600, "test": 300, "repeats": 2}
    scores = [
        METRICS["sap"].function(Codes.from_arrays(data, scale * mean), np.random.default_rng(1), **few)["score"]
        for scale in (1.0, 1e-4)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    rows = np.random.default_rng(0).integers(900, size=2_000)
    x, y = mean[rows, 1], data.factors.to_factors(rows)[:, 1]
    as_it_is, tiny = (_accuracy(scale * x, y, scale * x, y) for scale in (1.0, 1e-4))
    assert as_it_is > 0.6
    assert tiny < as_it_is - 0.2
