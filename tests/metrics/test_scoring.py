import json

import numpy as np
import pytest

from tests.metrics.reference import Index, grid, scaled_factors
from tfvae.codes import Codes
from tfvae.data import FactorSpace, ImageData
from tfvae.metrics import METRICS, QUICK, ceiling, in_all, mig_score, score, score_codes, skip_reason
from tfvae.metrics.scoring import Labelled, generator


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
    results = score(mean, table, metrics=CHEAP, seed=3)
    kinds = {"discrete": {"factor0": 3, "factor1": 4, "factor2": 5}, "continuous": {}}
    assert [result.pop("factors", None) for result in results.values()] == [kinds, kinds, kinds, None]
    assert results == score_codes(Codes.from_arrays(DATA, mean), CHEAP, 3)
    assert score(mean, table, metrics="mig")["mig"] == score(mean.tolist(), table.tolist(), metrics=["mig"])["mig"]


def test_names_of_factors_may_be_any_sequence():
    one_varies = np.stack([np.arange(60), np.ones(60)], axis=1)
    for names in (np.array(["size", "shape"]), Index(["size", "shape"]), iter(["size", "shape"])):
        assert score(F, one_varies, metrics="mig", names=names)["mig"]["skipped"].endswith("['size']")
    with pytest.raises(ValueError, match=r"table \[N, 1\]"):
        score(F, one_varies, names=np.array(["size"]))


def test_files_and_what_they_hold_are_told_apart(tmp_path):
    np.savez(tmp_path / "both.npz", codes=F, factors=F)
    with np.load(tmp_path / "both.npz") as file:
        with pytest.raises(TypeError, match=r"Expected codes as one array, such as file\['codes'\]\. .*'factors'\]$"):
            score(file, F)
        with pytest.raises(TypeError, match=r"Expected factors as one array, such as file\['codes'\]"):
            score(F, file)
    for codes, factors, name in ((tmp_path / "c.npy", F, "codes"), ("c.npy", F, "codes"), (F, "f.csv", "factors")):
        with pytest.raises(TypeError, match=rf"Expected {name} as an array: np\.load reads .*, a path$"):
            score(codes, factors)
    with pytest.raises(ValueError, match=r"shape=\(60,\); a single factor is passed as factors\[:, None\]"):
        score(F, F[:, 0])
    with pytest.raises(ValueError, match=r"shape=\(61, 3\); is the first row a header\?"):
        score(F, np.vstack([F, F[:1]]))


def test_arrays_may_be_of_any_library():
    table = DATA.factors.to_factors(np.arange(60))
    assert score(Tensor(F), Tensor(table), log_variance=Tensor(0 * F - 4), metrics="mig") == score(
        F, table, log_variance=0 * F - 4, metrics="mig"
    )


class Series:
    """Behaves as a pandas Series: it iterates over its values, converts to an array, and has no truth value."""

    def __init__(self, values, index=None):
        self.values = np.asarray(values)
        self.index = range(len(self.values)) if index is None else index

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)

    def __iter__(self):
        return iter(self.values.tolist())

    def __len__(self):
        return len(self.values)

    def __eq__(self, other):
        return Series(self.values == other)

    __hash__ = None

    def __bool__(self):
        raise ValueError("The truth value of a Series is ambiguous.")


def test_tables_and_names_may_be_those_of_pandas():
    table = DATA.factors.to_factors(np.arange(60))
    plain = score(F, table, metrics=["mig", "dci"], names=["a", "b", "c"], parameters=QUICK)
    # A DataFrame of a bool, a float and an int column converts to an array of objects.
    columns = [[bool(a) for a in table[:, 0] > 0], table[:, 1] / 1.0, table[:, 2].tolist()]
    frame = Series(np.array(list(zip(*columns, strict=True)), dtype=object))
    assert frame.values.dtype == object
    names, metrics = Series(["a", "b", "c"]), Series(["mig", "dci"])
    found = score(F, frame, metrics=metrics, names=names, continuous=Series([False] * 3), parameters=QUICK)
    as_numbers = np.column_stack([table[:, 0] > 0, table[:, 1:]])
    assert found == score(F, as_numbers, metrics=["mig", "dci"], names=["a", "b", "c"], parameters=QUICK)
    assert list(found) == list(plain)
    assert score(Series(F.astype(object)), table, metrics="mig") == score(F, table, metrics="mig")


def test_a_series_declares_factors_by_its_labels():
    table = DATA.factors.to_factors(np.arange(60))
    for labels in ("cab", "c"):
        continuous = Series([True, False, False][: len(labels)], index=list(labels))
        found = score(F, table, metrics="mig", names="abc", continuous=continuous)["mig"]["factors"]
        assert list(found["continuous"]) == ["c"]


def test_factors_have_the_names_of_a_data_frame_unless_others_are_given():
    frame = pytest.importorskip("pandas").DataFrame({"kind": ["b", "a"] * 30, "size": range(60), "age": range(60)})
    found = score(F, frame, metrics="mig", ignore="kind", continuous={"age": False})["mig"]["factors"]
    assert (found["discrete"], found["continuous"]) == ({"age": 60}, {"size": 60})
    assert found["labels"] == {"kind": ["a", "b"]}
    assert score(F, frame, metrics="mig", ignore=0, continuous={"age": False})["mig"]["factors"] == found
    assert "c" in score(F, frame, metrics="mig", names="abc")["mig"]["factors"]["continuous"]
    numbered = score(F, frame.set_axis(range(3), axis=1), metrics="mig")
    assert list(numbered["mig"]["factors"]["discrete"]) == ["factor0"]


@pytest.mark.parametrize(
    ("wrong", "error", "received"),
    [
        (F.astype(complex), TypeError, "dtype=complex128"),
        (F.astype(str), TypeError, "dtype=<U32"),
        (np.where(F > 0.9, None, F), TypeError, "objects of type NoneType"),
        (np.ma.masked_greater(F, 0.9), ValueError, "a masked array without"),
    ],
)
def test_codes_log_variances_and_factors_are_numbers_that_are_known(wrong, error, received):
    for name in ("codes", "log_variance"):
        with pytest.raises(error, match=f"Expected {name} .* of numbers. Received: {received}"):
            score(**{"codes": F, "factors": F, "metrics": "mig"} | {name: wrong})
    unmasked = score(np.ma.masked_greater(F, 9), F, metrics="mig")
    assert unmasked == score(F, F, metrics="mig")


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (F.astype(complex), TypeError, "numbers or text. Received: dtype=complex128"),
        (np.where(F > 0.9, None, F), ValueError, "none missing. Received: None in 'factor0'"),
        (np.ma.masked_greater(F, 0.9), ValueError, "Expected factors .* Received: a masked array without"),
    ],
)
def test_factors_are_known_numbers_or_text(wrong, error, message):
    with pytest.raises(error, match=message):
        score(F, wrong, metrics="mig")
    assert score(F, F.astype(str), metrics="mig") == score(F, F, metrics="mig")


def test_a_factor_scores_the_same_however_its_values_are_written():
    sizes, rng = (3, 6, 40, 32, 32), np.random.default_rng(0)
    classes = rng.integers(0, sizes, (3_000, 5))
    values = np.stack(
        [1 + classes[:, 0], 0.5 + classes[:, 1] / 10]
        + [classes[:, k] / (sizes[k] - 1) * (2 * np.pi if k == 2 else 1) for k in (2, 3, 4)],
        axis=1,
    )
    codes = classes / sizes + 0.02 * rng.normal(size=classes.shape)
    trees = {name: {"train": 300, "test": 100, "trees": 3} for name in ("dci", "reduced_downstream", "unfairness")}
    few = {**QUICK, **trees, "downstream": {"labels": (200,), "trees": 3}}
    of_classes, of_values = (score(codes, factors, parameters=few) for factors in (classes, values))
    # The values are linear in the classes, so least squares agree but for rounding.
    assert of_values.pop("amari")["score"] == pytest.approx(of_classes.pop("amari")["score"], rel=1e-9)
    assert of_values == of_classes


def test_an_argument_says_which_factors_are_continuous():
    rng = np.random.default_rng(0)
    table = np.stack([rng.integers(4, size=400), rng.integers(4, size=400), np.arange(400)], axis=1)
    codes = table + 0.1 * rng.normal(size=table.shape)
    few = {"train": 200, "test": 100}

    def kinds(**arguments):
        result = score(codes, table, metrics="sap", names="abc", parameters={"sap": few}, **arguments)["sap"]
        return "".join(result["factors"]["continuous"]), result["per_factor"]

    guessed, gaps = kinds()
    assert guessed == "c"
    for continuous in ({"b": True}, [False, True, True], np.array([False, True, True])):
        named, other = kinds(continuous=continuous)
        assert named == "bc"
        # The squared correlation of b in place of the accuracy of its four classes.
        assert other[0] == gaps[0]
        assert other[1] != gaps[1]
    as_classes = score(codes, table, metrics="mig", names="abc", continuous={"c": False})["mig"]["factors"]
    assert as_classes == {"discrete": {"a": 4, "b": 4, "c": 400}, "continuous": {}}
    for wrong in ({"d": True}, [True], ["a", "b", "c"]):
        with pytest.raises(ValueError, match=r"continuous to be 3 booleans, or booleans by name out of"):
            kinds(continuous=wrong)


def test_a_transposed_table_is_refused_at_once():
    with pytest.raises(ValueError, match=r"K <= N.*shape=\(3, 60\).*factors\.T"):
        score(F.T, DATA.factors.to_factors(np.arange(60)).T)


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
                assert "factors" not in result
            else:
                assert (result["score"], result["standard_error"]) == (None, None)
                assert reason in result["skipped"]


def test_the_reason_for_a_skip_is_none_where_two_factors_vary():
    assert skip_reason(DATA) is None
    assert skip_reason(grid((1, 3, 1))) == "fewer than two factors vary: ['factor1']"
    assert skip_reason(ImageData("images", DATA.images(np.arange(60)))) == "the data have no factors"


def test_metrics_draw_different_images_whose_names_are_equally_long():
    names = sorted(METRICS)
    draws = {name: tuple(generator(0, name).integers(1_000_000, size=4)) for name in names}
    assert len(set(draws.values())) == len(names)


def test_all_means_every_metric_but_those_that_are_costly():
    results = score(F, DATA.factors.to_factors(np.arange(60)), parameters=QUICK)
    assert list(results) == [name for name in METRICS if name not in ("reduced_downstream", "unfairness")]
    assert all(np.isfinite(result["score"]) for result in results.values())


def test_ceilings_have_known_values():
    space = FactorSpace(("shape", "place", "one"), (np.arange(3.0), np.linspace(0, 1, 32), np.ones(1)))
    results = ceiling(Labelled(space), metrics=["mig", "factor_vae"], parameters=QUICK)
    # The same closed form as in test_mig.
    assert results["mig"]["score"] == pytest.approx((1 + 1 - 0.75 * np.log(2) / np.log(32)) / 2)
    assert results["factor_vae"]["score"] == 1
    assert set(ceiling(Labelled(space), parameters=QUICK)) == {name for name in in_all() if METRICS[name].needs_factors}


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
