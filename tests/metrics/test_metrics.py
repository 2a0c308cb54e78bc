"""What holds for every metric, on small codes whose quality is known."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorTable
from tfvae.metrics import METRICS, QUICK
from tfvae.metrics.scoring import Labelled, ceiling

SUPERVISED = sorted(name for name, metric in METRICS.items() if metric.needs_factors)
DATA = grid((3, 4, 5, 6))
F = scaled_factors(DATA)
SMALL = {
    "beta_vae": {"pairs": 50, "train": 200, "evaluation": 200, "repeats": 2},
    "dci": {"train": 240, "test": 120, "trees": 20},
    "downstream": {"labels": (10, 240), "test": 120, "trees": 10},
    "factor_vae": {"votes": 200, "evaluation_votes": 200, "batch": 30, "repeats": 2},
    "infoc": {"neighbours": 3, "repeats": 2},
    "infoe": {"repeats": 2},
    "infom": {"neighbours": 3, "repeats": 2},
    "reduced_downstream": {"train": 240, "test": 120, "trees": 10},
    "unfairness": {"train": 120, "test": 60, "trees": 10, "bins": 4, "repeats": 4},
}
# The score of uninformative codes.
WORST = {"amari": 1, "beta_vae": 1 / 4, "explicitness": 0.5, "factor_vae": 1 / 4}
# Both weigh a latent by its scale, by their definitions.
SEE_SCALE = {"irs", "wasserstein_correlation"}


@pytest.fixture(params=sorted(METRICS))
def name(request):
    return request.param


def score(name, mean, log_variance=None, seed=0, data=DATA):
    codes = Codes.from_arrays(data, mean, log_variance)
    result = METRICS[name].function(codes, np.random.default_rng(seed), **SMALL.get(name, {}))
    # For any codes, the results are numbers that JSON can hold.
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["standard_error"] >= 0
    return result


def mixed():
    return F @ np.random.default_rng(0).normal(size=(4, 4))


def vague():
    return mixed() + np.random.default_rng(1).normal(size=F.shape)


def test_each_metric_has_a_file_a_test_and_quick_parameters(name):
    function = METRICS[name].function
    file = function.__module__.removeprefix("tfvae.metrics.")
    # "total_correlation" is one of several, so its file and function say which it is.
    assert file == {"total_correlation": "gaussian_total_correlation"}.get(name, name)
    assert function.__name__ == f"{file}_score"
    assert (Path(__file__).parent / f"test_{file}.py").exists()
    assert QUICK[name] == METRICS[name].quick
    assert set(QUICK[name]) < set(inspect.signature(function).parameters)


def test_identity_reaches_its_ceiling(name):
    result = score(name, F)
    if name not in SUPERVISED:
        # The latents of a grid are independent; with 300 images, trees fit a little noise.
        assert result["score"] == pytest.approx(0, abs=0.02)
    else:
        perfect = ceiling(DATA, metrics=[name], parameters=SMALL)[name]
        error = np.hypot(result["standard_error"], perfect["standard_error"])
        assert result["score"] == pytest.approx(perfect["score"], abs=4 * error + 1e-3)
        best = result.get("floor", 1e-6)
        assert result["score"] < best if METRICS[name].lower_is_better else result["score"] > 0.3


def test_a_better_code_scores_better(name):
    if name in ("beta_vae", "explicitness", "downstream", "infoe"):
        worse = np.random.default_rng(0).normal(size=F.shape)  # these do not require one latent per factor
    elif name not in SUPERVISED:
        worse = F @ [[1, 1, 0, 0], [0.3, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    else:
        worse = mixed()
    better, after = score(name, F), score(name, worse)
    gain = (after["score"] - better["score"]) * (1 if METRICS[name].lower_is_better else -1)
    assert gain > 2 * np.hypot(better["standard_error"], after["standard_error"])
    assert gain > 0.005


def test_constant_and_collapsed_codes_score_as_uninformative(name):
    collapsed = 1e-3 * np.random.default_rng(0).normal(size=F.shape)
    for result in (score(name, np.full(F.shape, 0.1)), score(name, collapsed, np.zeros_like(F))):
        if name in ("downstream", "reduced_downstream"):
            # Predicting the most frequent label: the standard error of 120 images, twice, for four factors is 0.014.
            assert result["score"] == pytest.approx(np.mean([1 / 3, 1 / 4, 1 / 5, 1 / 6]), abs=0.07)
        else:
            assert result["score"] == WORST.get(name, 0)


@pytest.mark.parametrize("place", [0, 3])
def test_dead_latents_do_not_matter(name, place):
    """Neither at the prior nor apart from it, where they have a KL of 4.5 nats."""
    dead = place + np.concatenate([np.full((len(F), 2), 0.3), 1e-3 * F[:, :2], 1e-3 * mixed()[:, :2]], axis=1)
    log_variance = np.concatenate([np.zeros_like(dead), np.full_like(F, -4.0)], axis=1)
    with_dead = score(name, np.concatenate([dead, F], axis=1), log_variance)
    without = score(name, F, np.full_like(F, -4.0))
    assert with_dead["score"] == pytest.approx(without["score"], abs=1e-6)


def test_order_and_scale_do_not_matter(name):
    scale = np.full(4, -2.0) if name in SEE_SCALE else np.array([2.0**-10, -4.0, 1.0, 512.0])
    plain, other = score(name, mixed()), score(name, (mixed() * scale)[:, [2, 0, 3, 1]])
    # A point on a boundary, or between two equal splits, may fall on either side.
    assert other["score"] == pytest.approx(plain["score"], abs=max(2e-2 if name in ("dci", "sap") else 1e-2, 1e-6))


def test_the_same_seed_gives_the_same_score(name):
    first, again, other = (score(name, vague(), seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first["standard_error"] != other["standard_error"]
    assert first["standard_error"] > 0


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_table_of_a_grid_scores_as_the_grid(name):
    table = Labelled(FactorTable(DATA.factors.names, DATA.factors.to_factors(np.arange(len(DATA)))))
    on_table, on_grid = score(name, mixed(), data=table), score(name, mixed())
    error = np.hypot(on_table["standard_error"], on_grid["standard_error"])
    # The fewer images there are, the more a dependence is underestimated: a table has no interventions.
    tolerance = 0.05 if name == "unfairness" else 1e-6
    assert on_table["score"] == pytest.approx(on_grid["score"], abs=4 * error + tolerance)


@pytest.mark.parametrize("name", SUPERVISED)
def test_continuous_factors_are_scored(name):
    values = np.random.default_rng(0).uniform(size=(600, 2))
    labelled = Labelled(FactorTable(("a", "b"), values))
    # InfoM and InfoC of uninformative codes are what the errors of their estimates make of them. To the two others,
    # uninformative codes are as good as perfect ones.
    rotated, copied = values @ [[1, 1], [-1, 1]], np.tile(values, 2)
    others = {"infoc": rotated, "infom": rotated, "reduced_downstream": copied, "unfairness": rotated[:, :1]}
    worse = others.get(name, np.roll(values, 100, axis=0))
    good, bad = score(name, values, data=labelled), score(name, worse, data=labelled)
    gain = (good["score"] - bad["score"]) * (-1 if METRICS[name].lower_is_better else 1)
    assert gain > 0.1


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_single_factor_is_an_error(name):
    data = grid((6, 1))
    codes = Codes.from_arrays(data, np.arange(6.0)[:, None])
    with pytest.raises(ValueError, match="at least two factors"):
        METRICS[name].function(codes, np.random.default_rng(0))


@pytest.mark.parametrize("name", sorted(set(METRICS) - set(SUPERVISED)))
def test_unsupervised_metrics_do_not_need_factors(name):
    class Rows:
        def __len__(self):
            return len(F)

    assert score(name, mixed(), data=Rows()) == score(name, mixed())
