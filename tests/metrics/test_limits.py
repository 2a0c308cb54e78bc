import numpy as np
import pytest

from tfvae.codes import Codes
from tfvae.data import FactorSpace, FactorTable
from tfvae.metrics import METRICS, limits, score
from tfvae.metrics.limits import TooLargeError, check_cost
from tfvae.metrics.normalised_information import over_nmi
from tfvae.metrics.scoring import Labelled

ROWS = 10_000
RNG = np.random.default_rng(0)
# Row numbers, which somebody declares to be classes, and a factor of five values.
CLASSES = np.stack([np.arange(ROWS), RNG.integers(5, size=ROWS)], axis=1)
# What the metrics cannot do in minutes, with the argument that makes it cheaper.
REFUSED = {
    "classes": {
        "dci": "predictor='lasso'",
        "downstream": "fewer labels",
        "explicitness": "fewer train",
        "infoe": "fewer samples",
        "reduced_downstream": "fewer train, most_removed",
        "sap": "continuous",
        "unfairness": "fewer train, trees",
    },
    "latents": {
        "beta_vae": "pairs",
        "dci": "trees",
        "downstream": "trees",
        "explicitness": "train",
        "infoc": "samples",
        "infom": "samples",
        "mutual_information": "samples",
        "predictability": "train",
        "reduced_downstream": "trees",
        "unfairness": "trees",
    },
}
# These are cheap enough with their defaults.
MORE = {"infoc": {"repeats": 50}, "infom": {"repeats": 50}}
CASES = [(case, name, advice) for case, names in REFUSED.items() for name, advice in names.items()]


def never(*args, **kwargs):
    raise AssertionError("work was begun")


@pytest.fixture
def codes(monkeypatch):
    # A refusal comes before images are drawn for anything but the active latents.
    monkeypatch.setattr("tfvae.metrics.sampling.averaged", never)
    table = FactorTable("ab", CLASSES, continuous=[False, False])
    few = Labelled(FactorSpace(("a", "b"), (np.arange(50.0), np.arange(20.0))))
    many = np.broadcast_to(np.random.default_rng(0).normal(size=(1_000, 1)), (1_000, 20_000))
    return {
        "classes": Codes.from_arrays(Labelled(table), np.tile(CLASSES / CLASSES.max(axis=0), 60)),
        "latents": Codes.from_arrays(few, many),
    }


@pytest.mark.parametrize(("case", "name", "advice"), CASES)
def test_work_of_hours_is_refused_with_an_estimate_and_what_to_pass(codes, case, name, advice):
    with pytest.raises(TooLargeError, match=rf"Received: {name}'s .* about [\d,.]+ (s|GB); pass .*{advice}"):
        METRICS[name].function(codes[case], np.random.default_rng(0), **MORE.get(name, {}))


def test_a_score_that_is_refused_is_skipped_and_the_others_are_scored():
    results = score(CLASSES / CLASSES.max(axis=0), CLASSES, metrics=["dci", "mig"], continuous=[False, False])
    assert results["dci"]["score"] is None
    assert "about" in results["dci"]["skipped"]
    assert results["mig"]["score"] >= 0


def test_the_same_numbers_are_scored_where_nobody_declares_them_as_classes():
    quick = {"dci": {"train": 200, "test": 100, "trees": 5}}
    found = score(CLASSES / CLASSES.max(axis=0), CLASSES, metrics="dci", parameters=quick)["dci"]
    assert found["factors"] == {"discrete": {"factor1": 5}, "continuous": {"factor0": ROWS}}
    assert found["score"] > 0.9


def test_the_published_sizes_are_not_refused(monkeypatch):
    # 1,393 chairs from 31 directions at 2 elevations, the most classes of all data sets that have a name here.
    chairs = Labelled(FactorSpace(("model", "azimuth", "elevation"), tuple(np.arange(n * 1.0) for n in (1393, 31, 2))))

    class BegunError(Exception):
        pass

    def begun(*args, **kwargs):
        raise BegunError

    modules = {metric.function.__module__ for metric in METRICS.values()} | {over_nmi.__module__}
    for name in ("over_splits", "over_draws", "over_repeats"):
        for module in modules:
            monkeypatch.setattr(f"{module}.{name}", begun, raising=False)
    for latents in (10, 12):
        codes = Codes.from_arrays(chairs, np.random.default_rng(0).normal(size=(len(chairs.factors), latents)))
        for metric in METRICS.values():
            with pytest.raises(BegunError):
                metric.function(codes, np.random.default_rng(0))


def test_a_limit_can_be_raised(monkeypatch):
    with pytest.raises(TooLargeError, match=r"at most 600 s of one core\. Received: work, about 1,000 s; pass less"):
        check_cost("work", "less", seconds=1_000)
    with pytest.raises(TooLargeError, match=r"2\.0 GB of memory\. Received: work, about 3\.0 GB; pass less"):
        check_cost("work", "less", memory=3e9)
    monkeypatch.setattr(limits, "LONGEST", 2_000)
    monkeypatch.setattr(limits, "MOST_BYTES", 4e9)
    check_cost("work", "less", seconds=1_000, memory=3e9)
