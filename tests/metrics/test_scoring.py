import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorSpace
from tfvae.metrics import METRICS, QUICK, UNSUPERVISED, ceiling, score, score_codes
from tfvae.metrics.scoring import Labelled

CHEAP = ["mig", "irs", "amari", "total_correlation"]
DATA = grid((3, 4, 5))
F = scaled_factors(DATA)


def test_plain_arrays_score_as_codes_of_data():
    mean = F @ np.random.default_rng(0).normal(size=(3, 3))
    table = DATA.factors.to_factors(np.arange(60))
    assert score(mean, table, metrics=CHEAP, seed=3) == score_codes(Codes.from_arrays(DATA, mean), CHEAP, 3)
    assert score(mean, table, metrics="mig")["mig"] == score(mean.tolist(), table.tolist(), metrics=["mig"])["mig"]


def test_log_variances_tell_dead_latents():
    mean = np.concatenate([F, 1e-3 * F], axis=1)
    log_variance = np.repeat([[-4.0, 0.0]], 3, axis=1).repeat(60, axis=0)
    table = DATA.factors.to_factors(np.arange(60))
    assert score(mean, table, metrics="mig", log_variance=log_variance)["mig"]["score"] == pytest.approx(1)
    assert score(mean, table, metrics="mig")["mig"]["score"] == pytest.approx(0)


def test_without_factors_what_needs_them_is_skipped():
    for results, reason in (
        (score(F, metrics=CHEAP), "no factors"),
        (score(F, np.ones((60, 2)), names=["a", "b"], metrics=CHEAP), "fewer than two factors"),
    ):
        assert list(results) == CHEAP
        for name, result in results.items():
            if name in UNSUPERVISED:
                assert result["score"] >= 0
            else:
                assert (result["score"], result["standard_error"]) == (None, None)
                assert reason in result["skipped"]


def test_all_is_every_metric():
    results = score(F, DATA.factors.to_factors(np.arange(60)), parameters=QUICK)
    assert list(results) == list(METRICS)
    assert all(np.isfinite(result["score"]) for result in results.values())


def test_ceilings_are_known():
    space = FactorSpace(("shape", "place", "one"), (np.arange(3.0), np.linspace(0, 1, 32), np.ones(1)))
    results = ceiling(Labelled(space), metrics=["mig", "factor_vae"], parameters=QUICK)
    # As test_mig has it.
    assert results["mig"]["score"] == pytest.approx((1 + 1 - 0.75 * np.log(2) / np.log(32)) / 2)
    assert results["factor_vae"]["score"] == 1
    assert set(ceiling(Labelled(space), parameters=QUICK)) == set(METRICS) - UNSUPERVISED


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
def test_says_what_is_wrong_with_arrays(arguments, message):
    with pytest.raises(ValueError, match=message):
        score(*arguments, metrics=["mig"])


def test_says_what_is_wrong_with_names():
    with pytest.raises(ValueError, match="'gap'"):
        score(F, F, metrics=["gap"])
    with pytest.raises(ValueError, match="'gap'"):
        score(F, F, metrics="mig", parameters={"gap": {}})

    class Rows:
        def __len__(self):
            return 60

    with pytest.raises(ValueError, match="Received: Rows"):
        ceiling(Rows())
