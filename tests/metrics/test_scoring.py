import json

import numpy as np
import pytest

from tests.metrics.reference import Index, grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorSpace, ImageData
from tfvae.metrics import METRICS, QUICK, ceiling, mig_score, score, score_codes, skip_reason
from tfvae.metrics.scoring import Labelled


class Tensor:
    """Converts to an array, and has none of an array's methods."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


CHEAP = ["mig", "irs", "amari", "total_correlation"]
DATA = grid((3, 4, 5))
F = scaled_factors(DATA)


def test_plain_arrays_score_as_codes_of_data():
    mean = F @ np.random.default_rng(0).normal(size=(3, 3))
    table = DATA.factors.to_factors(np.arange(60))
    assert score(mean, table, metrics=CHEAP, seed=3) == score_codes(Codes.from_arrays(DATA, mean), CHEAP, 3)
    assert score(mean, table, metrics="mig")["mig"] == score(mean.tolist(), table.tolist(), metrics=["mig"])["mig"]


def test_names_of_factors_may_be_any_sequence():
    one_varies = np.stack([np.arange(60), np.ones(60)], axis=1)
    for names in (np.array(["size", "shape"]), Index(["size", "shape"]), iter(["size", "shape"])):
        assert score(F, one_varies, metrics="mig", names=names)["mig"]["skipped"].endswith("['size']")
    with pytest.raises(ValueError, match=r"table \[N, 1\]"):
        score(F, one_varies, names=np.array(["size"]))


def test_arrays_may_be_of_any_library():
    table = DATA.factors.to_factors(np.arange(60))
    assert score(Tensor(F), Tensor(table), log_variance=Tensor(0 * F - 4), metrics="mig") == score(
        F, table, log_variance=0 * F - 4, metrics="mig"
    )


def test_a_function_scores_under_its_name():
    def largest(codes, rng, *, power=1):
        return {
            "score": codes.means(np.arange(60)).max() ** power,
            "standard_error": np.float32(0),
            "draw": rng.random(),
        }

    results = score(2 * F, metrics=["total_correlation", largest], parameters={"largest": {"power": 3}}, seed=4)
    assert list(results) == ["total_correlation", "largest"]
    assert results["total_correlation"] == score(2 * F, metrics="total_correlation", seed=4)["total_correlation"]
    assert results["largest"]["score"] == 8
    # Its random numbers follow from the seed and its name, whatever else is asked for.
    assert results["largest"]["draw"] == score(2 * F, metrics=largest, seed=4)["largest"]["draw"]
    assert results["largest"]["draw"] != score(2 * F, metrics=largest, seed=5)["largest"]["draw"]
    assert json.loads(json.dumps(results)) == results
    assert ceiling(DATA, metrics=largest)["largest"]["score"] == 4
    with pytest.raises(ValueError, match="'smallest'"):
        score(F, metrics=largest, parameters={"smallest": {}})


def test_a_metrics_function_is_skipped_like_the_metric():
    results = score(F, metrics=[mig_score, "mig"])
    assert (
        results["mig_score"]
        == results["mig"]
        == {"score": None, "standard_error": None, "skipped": "the data have no factors"}
    )


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (0.5, TypeError, "'poor' to return a dict. Received: float"),
        ({"score": np.nan, "standard_error": 0.0}, ValueError, "'poor' .*Received: {'score': nan"),
        ({"standard_error": 0.0}, ValueError, "Received: {'standard_error': 0.0}"),
        ({"score": 0.5}, ValueError, "Received: {'score': 0.5}"),
    ],
)
def test_rejects_what_is_not_a_result(result, error, message):
    def poor(codes, rng):
        return result

    with pytest.raises(error, match=message):
        score(F, metrics=["total_correlation", poor])


def test_log_variances_identify_dead_latents():
    mean = np.concatenate([F, 1e-3 * F], axis=1)
    log_variance = np.repeat([[-4.0, 0.0]], 3, axis=1).repeat(60, axis=0)
    table = DATA.factors.to_factors(np.arange(60))
    assert score(mean, table, metrics="mig", log_variance=log_variance)["mig"]["score"] == pytest.approx(1)
    assert score(mean, table, metrics="mig")["mig"]["score"] == pytest.approx(0)


def test_metrics_that_need_factors_are_skipped_without_them():
    for results, reason in (
        (score(F, metrics=CHEAP), "no factors"),
        (score(F, np.ones((60, 2)), names=["a", "b"], metrics=CHEAP), "fewer than two factors"),
    ):
        assert list(results) == CHEAP
        for name, result in results.items():
            if not METRICS[name].needs_factors:
                assert result["score"] >= 0
            else:
                assert (result["score"], result["standard_error"]) == (None, None)
                assert reason in result["skipped"]


def test_the_reason_for_a_skip_is_none_where_two_factors_vary():
    assert skip_reason(DATA) is None
    assert skip_reason(grid((1, 3, 1))) == "fewer than two factors vary: ['factor1']"
    assert skip_reason(ImageData("images", DATA.images(np.arange(60)))) == "the data have no factors"


def test_all_means_every_metric():
    results = score(F, DATA.factors.to_factors(np.arange(60)), parameters=QUICK)
    assert list(results) == list(METRICS)
    assert all(np.isfinite(result["score"]) for result in results.values())


def test_ceilings_have_known_values():
    space = FactorSpace(("shape", "place", "one"), (np.arange(3.0), np.linspace(0, 1, 32), np.ones(1)))
    results = ceiling(Labelled(space), metrics=["mig", "factor_vae"], parameters=QUICK)
    # The same closed form as in test_mig.
    assert results["mig"]["score"] == pytest.approx((1 + 1 - 0.75 * np.log(2) / np.log(32)) / 2)
    assert results["factor_vae"]["score"] == 1
    assert set(ceiling(Labelled(space), parameters=QUICK)) == {name for name in METRICS if METRICS[name].needs_factors}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((F[0], F), r"shape=\(3,\)"),
        ((F, F[:10]), r"factors \[60, K\].*shape=\(10, 3\)"),
        ((F, F[:, 0]), r"shape=\(60,\)"),
        ((np.where(F > 0.9, np.nan, F), F), "Expected finite codes"),
        ((F, np.where(F > 0.9, np.inf, F)), "Expected finite values"),
    ],
)
def test_rejects_invalid_arrays(arguments, message):
    with pytest.raises(ValueError, match=message):
        score(*arguments, metrics=["mig"])


def test_rejects_unknown_names():
    with pytest.raises(ValueError, match="'gap'"):
        score(F, F, metrics=["gap"])
    with pytest.raises(ValueError, match="'gap'"):
        score(F, F, metrics="mig", parameters={"gap": {}})
    with pytest.raises(ValueError, match=r"known factors\. Received: ImageData"):
        ceiling(ImageData("images", DATA.images(np.arange(60))))
