"""Several metrics at once: of codes of a data set, of plain arrays, and of a perfect code."""

import os
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.data.columns import as_array, as_numeric, names_of_columns
from tfvae.data.factor_table import Continuous, FactorTable, described
from tfvae.data.factors import Factors
from tfvae.metrics.ignored import Ignore, ignored_names, ignoring
from tfvae.metrics.limits import TooLargeError
from tfvae.metrics.parallel import one_thread
from tfvae.metrics.parameters import Parameters, checked_parameters
from tfvae.metrics.registry import METRICS, Metric, in_all
from tfvae.metrics.scores import Scores
from tfvae.metrics.selection import Selection, checked_result, selected


def score(
    codes: np.ndarray,
    factors: np.ndarray | None = None,
    *,
    metrics: Selection = "all",
    names: Iterable[str] | None = None,
    continuous: Continuous | None = None,
    ignore: Ignore = (),
    log_variance: np.ndarray | None = None,
    active: str = "information",
    seed: int = 0,
    parameters: Parameters | None = None,
) -> Scores:
    """Scores a matrix of codes against a matrix of factors, without a model or images.

    A factor is discrete if it has at most 200 values and at least two rows for each, on average; otherwise it is
    continuous (see `tfvae.data.factor_table.is_discrete`). `continuous` overrules this. DCI, SAP and the Amari distance
    regress continuous factors; all other metrics cut them into 20 bins of equally many rows.

    An array may be anything that `np.asarray` takes, such as a DataFrame or a tensor of PyTorch or JAX. Neither
    TensorFlow nor Keras is imported.

    Args:
        codes: numbers [N, D], the means of q(z|x).
        factors: numbers or text [N, K], K <= N; without them, metrics that need factors are skipped.
        metrics: "all", names out of `METRICS`, or functions, see `score_codes`.
        names: names of the K factors, in any sequence; by default those of a DataFrame's columns, and otherwise
            "factor0", "factor1", ...
        continuous: which factors are continuous: K booleans, or booleans by name, such as {"age": True}.
        ignore: factors that no metric fixes or predicts, as if the table did not have them: names, or numbers of
            columns where no names are given. `ignore=["shape"]` is how Figure 3 of Kim & Mnih (2018) is scored.
        log_variance: numbers [N, D], the log variances of q(z|x), which show what each latent carries.
        active: which latents count, see `tfvae.codes.ActiveRule`; the metrics leave out the others. Without log
            variances, "information" and "kl" keep all that vary.
        seed: int >= 0.
        parameters: for each metric, the parameters that differ from its defaults, such as `QUICK`.

    Returns:
        For each metric its result, as `score_codes`, in a dict that prints as a table. For a metric that needs factors
        it also has "factors": what each was taken for, such as {"discrete": {"shape": 3}, "continuous": {"age": 981}},
        with their numbers of values, and "ignored": the names of those that are left out, if any.

    Raises:
        ValueError: if a name or a parameter is unknown, shapes do not fit, or a number is NaN or infinite.
        TypeError: if a column of factors is neither numbers nor text.

    Examples:
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> results = tfvae.metrics.score(factors, factors, metrics=["mig", "irs"], names=["a", "b", "c"])
        >>> {name: round(result["score"], 2) for name, result in results.items()}
        {'mig': 1.0, 'irs': 1.0}
        >>> results["mig"]["factors"]
        {'discrete': {'a': 3, 'b': 4, 'c': 5}, 'continuous': {}}
    """
    _check_loaded("codes", codes)
    _check_loaded("factors", factors)
    codes = as_numeric(codes, "codes [N, D] of numbers")
    log_variance = None if log_variance is None else as_numeric(log_variance, "log_variance [N, D] of numbers")
    if codes.ndim != 2 or codes.shape[0] < 2:
        raise ValueError(f"Expected codes [N, D], N >= 2. Received: shape={codes.shape}")
    if factors is None:
        rows = Codes.from_arrays(_Rows(len(codes)), codes, log_variance, active=active)
        return Scores(score_codes(rows, metrics, seed, parameters, ignore))
    table, factors = factors, as_array(factors, "factors [N, K] of numbers or text")
    if factors.ndim != 2 or len(factors) != len(codes):
        hint = ""
        if factors.ndim == 1 and len(factors) == len(codes):
            hint = "; a single factor is passed as factors[:, None]"
        elif len(factors) == len(codes) + 1:
            hint = "; is the first row a header?"
        raise ValueError(
            f"Expected factors [{len(codes)}, K], a row for each code. Received: shape={factors.shape}{hint}"
        )
    if factors.shape[1] > len(factors):
        raise ValueError(
            f"Expected factors [N, K] with K <= N, a column for each factor. Received: shape={factors.shape}; a table "
            "of a row for each factor is passed as factors.T, and its codes as codes.T"
        )
    given = names_of_columns(table, factors.shape[1]) if names is None else [str(name) for name in names]
    labelled = Labelled(FactorTable(given, factors, continuous=continuous))
    chosen, ignored = selected(metrics), ignored_names(labelled.factors, ignore, by_column=names is None)
    known = Codes.from_arrays(labelled, codes, log_variance, active=active)
    results = _results(known, chosen, seed, parameters, ignored)
    kinds = {"factors": described(labelled.factors, ignored)}
    return Scores(
        {name: {**result, **(kinds if chosen[name].needs_factors else {})} for name, result in results.items()}
    )


def _check_loaded(name: str, array: Any) -> None:
    """Refuses what stands for a file, which NumPy would take for text, or for a list of names."""
    if isinstance(array, str | bytes | os.PathLike):
        raise TypeError(f"Expected {name} as an array: np.load reads .npy and .npz files. Received: {array!r}, a path")
    if isinstance(array, np.lib.npyio.NpzFile):
        raise TypeError(
            f"Expected {name} as one array, such as file[{(array.files or [name])[0]!r}]. "
            f"Received: an .npz file with the arrays {array.files}"
        )


def ceiling(
    data: Any,
    *,
    metrics: Selection = "all",
    seed: int = 0,
    parameters: Parameters | None = None,
    ignore: Ignore = (),
) -> dict[str, dict[str, Any]]:
    """Scores a perfect code of a data set: one latent for each scored factor, which is its value.

    Not every metric gives 1, since bins and linear classifiers do not separate all values of a factor. On dSprites MIG
    reaches 0.895 and SAP 0.24. No image is encoded. This is not an upper bound: for DCI, IRS and MIG a trained encoder
    may spread a factor's values better than evenly.

    Args:
        data: has `factors` and `scored_factors`, such as `tfvae.data.GroundTruthData`.
        metrics: "all" for those that need factors, names out of `METRICS`, or functions, see `score_codes`.
        seed: int >= 0.
        parameters: for each metric, the parameters that differ from its defaults.
        ignore: names of factors that are not scored, and have no latent.

    Returns:
        For each metric its result, as `score_codes`.

    Raises:
        ValueError: if the data have no factors, or a name is unknown.

    Examples:
        >>> data = tfvae.data.load("dsprites")
        >>> result = tfvae.metrics.ceiling(data, metrics="mig")["mig"]
        >>> 0 < result["score"] <= 1
        True
    """
    if data.factors is None:
        raise ValueError(f"Expected data with known factors. Received: {type(data).__name__}")
    ignored = ignored_names(data.factors, ignore)
    columns = [data.factors.names.index(name) for name in data.scored_factors if name not in ignored]
    values = data.factors.values_of(np.arange(len(data)))[:, columns]
    supervised = [name for name in in_all() if METRICS[name].needs_factors]
    return _results(Codes.from_arrays(data, values), selected(metrics, supervised), seed, parameters, ignored)


def score_codes(
    codes: Codes,
    metrics: Selection = "all",
    seed: int = 0,
    parameters: Parameters | None = None,
    ignore: Ignore = (),
) -> dict[str, dict[str, Any]]:
    """Computes metrics of codes. Each has its own random numbers, derived from the seed and its name.

    Args:
        codes: codes of a data set.
        metrics: "all", a name out of `METRICS`, a function, or any iterable of these. A function
            `(codes, rng, **parameters) -> {"score": ..., "standard_error": ...}` need not be registered. It is
            called for any data, and its result stands under its `__name__`.
        seed: int >= 0.
        parameters: for each metric, the parameters that differ from its defaults. Those of a metric that is not
            asked for are not used.
        ignore: names of factors that no metric fixes or predicts. They still vary: the images of a vote or a pair of
            the FactorVAE and beta-VAE metrics differ in them.

    Returns:
        For each metric its result. A metric that needs factors gives {"score": None, "standard_error": None,
        "skipped": why} where fewer than two factors vary. So does one that would take far too long (see
        `metrics.limits`); the metric's function itself raises a ValueError.

    Raises:
        ValueError: if a name or a parameter is unknown, or a metric does not return a finite score.
        TypeError: if a metric does not return a dict.

    Examples:
        >>> data = tfvae.data.load("dsprites")
        >>> codes = tfvae.codes.Codes(tfvae.zoo.load_encoder("vae-dsprites"), data)
        >>> sorted(tfvae.metrics.score_codes(codes, ["mig", "irs"]))
        ['irs', 'mig']
    """
    return _results(codes, selected(metrics), seed, parameters, ignored_names(codes.data.factors, ignore))


def skip_reason(data: Any, ignored: Collection[str] = ()) -> str | None:
    """Why metrics that need factors are skipped for these data and ignored factors; None where they are not.

    Examples:
        >>> tfvae.metrics.skip_reason(tfvae.data.as_image_data(np.zeros([4, 16, 16, 1])))
        'the data have no factors'
    """
    if data.factors is None:
        return "the data have no factors"
    left = [name for name in data.scored_factors if name not in ignored]
    if len(left) < 2:
        return f"fewer than two factors vary: {left}" + (f", without {list(ignored)}" if ignored else "")
    return None


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers for the part of an evaluation with this name, which do not depend on the other parts."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


class _Rows:
    """Data of which only the number of images is known."""

    factors: Factors | None = None
    scored_factors: tuple[str, ...] = ()
    files: tuple[str, ...] | None = None

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class Labelled(_Rows):
    """Data of which only the factors are known: enough for `Codes.from_arrays` and every metric.

    Args:
        factors: the factors of N images.
    """

    factors: Factors

    def __init__(self, factors: Factors) -> None:
        super().__init__(len(factors))
        self.factors = factors
        self.scored_factors = tuple(n for n, size in zip(factors.names, factors.sizes, strict=True) if size > 1)


def _results(
    codes: Codes,
    metrics: Mapping[str, Metric],
    seed: int,
    parameters: Parameters | None,
    ignored: Collection[str],
) -> dict[str, dict[str, Any]]:
    used = checked_parameters(metrics, parameters or {})
    reason, codes = skip_reason(codes.data, ignored), ignoring(codes, ignored)
    results: dict[str, dict[str, Any]] = {}
    for name, metric in metrics.items():
        if reason and metric.needs_factors:
            results[name] = _skipped(reason)
            continue
        try:
            with one_thread():
                result = metric.function(codes, generator(seed, name), **used.get(name, {}))
        except TooLargeError as error:
            results[name] = _skipped(str(error))
        else:
            results[name] = checked_result(name, result)
    return results


def _skipped(reason: str) -> dict[str, Any]:
    return {"score": None, "standard_error": None, "skipped": reason}
