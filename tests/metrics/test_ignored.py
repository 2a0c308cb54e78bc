import numpy as np
import pytest

from tests.metrics import reference
from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes, latent_kl
from tfvae.data import FactorTable, ImageData
from tfvae.metrics import METRICS, ceiling, score, score_codes
from tfvae.metrics.beta_vae import difference_features
from tfvae.metrics.factor_vae import factor_vae_score
from tfvae.metrics.ignored import ignored_names, ignoring

RNG = np.random.default_rng(0)
SMALL = {
    "beta_vae": {"pairs": 10, "train": 60, "evaluation": 60, "repeats": 2},
    "dci": {"train": 120, "test": 60, "trees": 5},
    "downstream": {"labels": (60,), "test": 60, "trees": 5},
    "explicitness": {"train": 120, "test": 60, "repeats": 2},
    "factor_vae": {"votes": 60, "evaluation_votes": 60, "batch": 8, "repeats": 2},
    "infoc": {"neighbours": 3, "repeats": 2},
    "infoe": {"repeats": 2},
    "infom": {"neighbours": 3, "repeats": 2},
    "reduced_downstream": {"train": 120, "test": 60, "trees": 5},
    "predictability": {"train": 120, "test": 60, "repeats": 2},
    "sap": {"train": 120, "test": 60, "repeats": 2},
    "unfairness": {"train": 120, "test": 60, "trees": 5},
}
# Two discrete factors, and two continuous ones.
TABLE = np.column_stack([RNG.integers(3, size=180), RNG.integers(4, size=180), RNG.normal(size=(180, 2))])
NAMES = ["a", "b", "c", "d"]
CODES = TABLE @ RNG.normal(size=(4, 3)) + 0.1 * RNG.normal(size=(180, 3))
DATA = grid((3, 1, 4, 5))
F = scaled_factors(grid((3, 4, 5)))


@pytest.mark.parametrize(("ignored", "kept"), [("b", [0, 2, 3]), ("d", [0, 1, 2]), (["d", "a"], [1, 2])])
def test_every_metric_of_a_table_scores_as_without_the_columns(ignored, kept):
    found = score(CODES, TABLE, metrics=METRICS, names=NAMES, ignore=ignored, parameters=SMALL)
    names = [NAMES[k] for k in kept]
    expected = score(CODES, TABLE[:, kept], metrics=METRICS, names=names, parameters=SMALL)
    assert list(found) == list(METRICS)
    for name, result in found.items():
        if METRICS[name].needs_factors:
            expected[name]["factors"] = {**expected[name]["factors"], "ignored": sorted(ignored)}
        assert result == expected[name]


def test_votes_and_pairs_are_drawn_over_all_factors():
    mean = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    codes = ignoring(Codes.from_arrays(DATA, mean), ["factor2"])
    found = difference_features(codes, np.random.default_rng(1), 20, 7)
    expected = reference.difference_features(DATA, mean, np.random.default_rng(1), 20, 7, ignored=[2])
    for each, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(each, other, rtol=1e-6)
    parameters = {"votes": 40, "evaluation_votes": 40, "batch": 6}
    result = factor_vae_score(codes, np.random.default_rng(1), repeats=1, **parameters)["score"]
    active, rng = np.ones(4, bool), np.random.default_rng(1)
    assert result == reference.factor_vae(DATA, mean, active, rng, ignored=[2], **parameters)
    # The first of these factors fixed, the ignored one takes all of its values.
    partners = DATA.factors.partners(np.zeros(200, int), 0, np.random.default_rng(0))
    assert set(DATA.factors.to_factors(partners)[:, 2]) == {0, 1, 2, 3}


def test_a_code_that_lacks_the_ignored_factor_is_perfect():
    metrics = ["factor_vae", "mig", "modularity", "amari"]
    for results in (
        score_codes(Codes.from_arrays(DATA, F[:, 1:]), metrics, parameters=SMALL, ignore="factor0"),
        ceiling(DATA, metrics=metrics, parameters=SMALL, ignore=["factor0"]),
    ):
        assert [results[name]["score"] for name in metrics] == pytest.approx([1, 1, 1, 0])
    with_it = score_codes(Codes.from_arrays(DATA, F[:, 1:]), metrics, parameters=SMALL)
    assert with_it["mig"]["score"] == pytest.approx(2 / 3)
    assert with_it["factor_vae"]["score"] < 0.9


def test_columns_are_numbers_where_there_are_no_names():
    by_number, by_name = (score(CODES, TABLE, metrics="mig", ignore=each) for each in ([np.int64(1)], "factor1"))
    assert by_number == by_name
    assert by_name["mig"]["factors"]["ignored"] == ["factor1"]
    with pytest.raises(ValueError, match=r"out of \['factor0', .*'factor3'\] or columns 0 .. 3. Received: 4"):
        score(CODES, TABLE, metrics="mig", ignore=4)


@pytest.mark.parametrize("wrong", ["shape", ["a", "e"], 1, [True], [None], [1.0]])
def test_factors_that_are_not_there_are_refused_with_those_that_are(wrong):
    with pytest.raises(ValueError, match=r"Expected ignore to be factors out of \['a', 'b', 'c', 'd'\]\. Received: "):
        score(CODES, TABLE, names=NAMES, metrics=[], ignore=wrong)


def test_data_without_factors_have_none_to_ignore():
    for call in (
        lambda: score(CODES, ignore="a"),
        lambda: ignored_names(ImageData("images", DATA.images(np.arange(9))).factors, ["a"]),
    ):
        with pytest.raises(ValueError, match=r"known factors, of which some are ignored. Received: ignore=\['a'\]"):
            call()
    assert ignored_names(None, ()) == ()


def test_fewer_than_two_factors_are_skipped_with_what_was_left_out():
    found = score(CODES, TABLE, names=NAMES, metrics="mig", ignore=["d", "b", "c"])["mig"]
    assert found["skipped"] == "fewer than two factors vary: ['a'], without ['b', 'c', 'd']"


def test_a_function_sees_the_factors_that_are_scored():
    def scored(codes, rng):
        return {"score": len(codes.data.scored_factors), "standard_error": 0.0}

    assert score(CODES, TABLE, metrics=scored, ignore=[0])["scored"]["score"] == 3


def test_codes_are_encoded_once_for_both_views():
    calls = []

    def represent(images):
        calls.append(len(images))
        return {"mean": images[:, 0, :, 0], "log_variance": 0 * images[:, 0, :, 0] - 9}

    codes = Codes(represent, DATA)
    first = score_codes(codes, "mig", ignore="factor0")["mig"]
    assert codes.encoded == 60
    assert np.isfinite(latent_kl(codes.outputs(np.arange(60)))).all()
    assert sum(calls) == 64  # filled up to a power of two
    assert codes.data.scored_factors == ("factor0", "factor2", "factor3")
    assert score_codes(codes, "mig")["mig"]["score"] != first["score"]
    table = FactorTable(NAMES, TABLE)
    assert ignored_names(table, ("d", "a", "d")) == ("a", "d")
