"""The results of a study for a paper: as a DataFrame, tests over seeds, and a table in LaTeX."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from tfvae.analysis.settings import Row, Setting, by_model
from tfvae.files.frames import pandas_module
from tfvae.files.latex import escaped, table
from tfvae.studies.summary import scores_in, summary_value
from tfvae.studies.table import read_table

if TYPE_CHECKING:
    import pandas

LEVEL = 0.05


def results(folder: str | os.PathLike[str]) -> "pandas.DataFrame":
    """The table of a study's results, a row for each run and step that was scored, as a DataFrame of pandas.

    Args:
        folder: of the study, or its results.parquet.

    Returns:
        The columns of results.csv: "run", the keys of its experiment, and the scores.

    Raises:
        FileNotFoundError, ValueError: as `tfvae.studies.read_table`.
        ImportError: without pandas, `pip install tfvae[pandas]`.

    Examples:
        >>> import pyarrow
        >>> from pyarrow import parquet
        >>> from tfvae.studies import results
        >>> parquet.write_table(pyarrow.table({"run": ["a", "b"], "mig": [0.25, 0.75]}), "results.parquet")
        >>> float(results("results.parquet")["mig"].mean())
        0.5
    """
    return pandas_module().DataFrame(read_table(folder))


@dataclass(frozen=True)
class Difference:
    """How a setting's score differs from that of another one, over the seeds that both have.

    Args:
        setting: its name.
        seeds: how many seeds both have.
        mean: of the differences; None without a seed that both have.
        half_width: of the mean's 95% confidence interval; None for fewer than two seeds.
        p: of a paired t-test (two-sided), by Holm's method for all settings of the table; None as the half width.
    """

    setting: str
    seeds: int
    mean: float | None
    half_width: float | None
    p: float | None


def paired_tests(rows: Sequence[Row], score: str, baseline: str) -> list[Difference]:
    """Compares each setting with a baseline, by a paired t-test over their common seeds at their last steps.

    The p-values of the settings are adjusted by Holm's step-down method (1979), which bounds the probability of any
    false difference among them. A t-test assumes differences that are roughly normal; of three seeds it finds only
    large ones.

    Args:
        rows: of a study's table (`tfvae.studies.read_table`).
        score: a column of it, such as "factor_vae" or "reconstruction".
        baseline: the name of a setting, as `names_of` gives them, such as "beta_vae" or "factor_vae gamma 35".

    Returns:
        A `Difference` for every other setting, in their order.

    Raises:
        ValueError: if there is no such setting or score.

    Examples:
        >>> from tfvae.studies import paired_tests
        >>> row = {"steps": 10, "training_cpu_seconds": 1.0}
        >>> rows = [{**row, "model": "vae", "seed": seed, "mig": 0.1 * seed} for seed in range(3)]
        >>> rows += [{**row, "model": "factor_vae", "seed": seed, "mig": 0.1 * seed + 0.2} for seed in range(3)]
        >>> (found,) = paired_tests([*rows, {**rows[0], "seed": 3}], "mig", "vae")
        >>> found.setting, found.seeds, round(found.mean, 3)
        ('factor_vae', 3, 0.2)
    """
    settings = _named(rows)
    if baseline not in settings:
        raise ValueError(f"Expected baseline to be a setting out of {list(settings)}. Received: {baseline!r}")
    if not any(row.get(score) is not None for row in rows):
        raise ValueError(f"Expected a score out of {scores_in(rows)}. Received: {score!r}")
    base = _by_seed(settings[baseline], score)
    found = [_difference(name, _by_seed(each, score), base) for name, each in settings.items() if name != baseline]
    return _adjusted(found)


def names_of(rows: Sequence[Row]) -> list[str]:
    """The names of the settings in a study's table: the model, and how it differs from others of the model.

    Examples:
        >>> from tfvae.studies import names_of
        >>> names_of([{"model": "beta_vae", "steps": 10, "seed": 0, "parameters.beta": beta} for beta in (1, 4)])
        ['beta_vae beta 1', 'beta_vae beta 4']
    """
    return list(_named(rows))


def to_latex(
    rows: Sequence[Row] | str | os.PathLike[str],
    *,
    scores: Sequence[str] | None = None,
    baseline: str | None = None,
) -> str:
    """A table for a paper: the mean of each setting's scores at its last step, and half its 95% interval over seeds.

    Args:
        rows: of a study's table, or the folder of a study.
        scores: columns of the table; by default all of its scores.
        baseline: the name of a setting, with which the others are compared (see `paired_tests`): a star marks a score
            that differs with p < 0.05. None for no tests.

    Returns:
        A `tabular` for the package booktabs. A score that was skipped is an empty cell.

    Raises:
        ValueError: if there are no rows, or no such score or baseline.
        FileNotFoundError: if the folder has no results.

    Examples:
        >>> from tfvae.studies import to_latex
        >>> row = {"model": "vae", "steps": 10, "mig.standard_error": 0.01}
        >>> text = to_latex([{**row, "seed": seed, "mig": 0.1 + 0.01 * seed} for seed in range(3)])
        >>> text.splitlines()[4].replace(chr(92), "/")
        'vae & 3 & $0.110 /pm 0.025$ //'
    """
    rows = read_table(rows) if isinstance(rows, str | Path | os.PathLike) else rows
    settings, known = _named(rows), [score for score in scores_in(rows) if any(score in row for row in rows)]
    chosen = known if scores is None else list(scores)
    if unknown := [score for score in chosen if score not in known]:
        raise ValueError(f"Expected scores out of {known}. Received: {unknown}")
    if baseline is not None and baseline not in settings:
        raise ValueError(f"Expected baseline to be a setting out of {list(settings)}. Received: {baseline!r}")
    starred = set()
    for score in chosen if baseline is not None else ():
        if any(row.get(score) is not None for row in rows):
            tests = paired_tests(rows, score, str(baseline))
            starred |= {(each.setting, score) for each in tests if each.p is not None and each.p < LEVEL}
    lines = []
    for name, setting in settings.items():
        cells = [summary_value(setting, score) for score in chosen]
        stars = ["^{*}" if (name, score) in starred else "" for score in chosen]
        lines.append([escaped(name), str(len(_last(setting))), *map(_cell, cells, stars)])
    return table(["setting", "seeds", *map(escaped, chosen)], lines)


def _cell(value: str | None, star: str) -> str:
    return "" if value is None else f"${value.replace('+-', chr(92) + 'pm')}{star}$"


def _named(rows: Sequence[Row]) -> dict[str, Setting]:
    settings = [setting for found in by_model(rows).values() for setting in found]
    return {" ".join(filter(None, [setting.model, setting.label])): setting for setting in settings}


def _last(setting: Setting) -> list[Row]:
    last = max(row["steps"] for row in setting.rows)
    return [row for row in setting.rows if row["steps"] == last]


def _by_seed(setting: Setting, score: str) -> dict[Any, float]:
    return {row["seed"]: row[score] for row in _last(setting) if row.get(score) is not None}


def _difference(name: str, scores: dict[Any, float], base: dict[Any, float]) -> Difference:
    seeds = sorted(scores.keys() & base.keys())
    differences = np.array([scores[seed] - base[seed] for seed in seeds])
    if len(seeds) < 2:
        return Difference(name, len(seeds), float(differences[0]) if seeds else None, None, None)
    mean, error = differences.mean(), differences.std(ddof=1) / np.sqrt(len(seeds))
    half = stats.t.ppf(0.975, len(seeds) - 1) * error
    # Differences that are equal up to rounding leave no doubt.
    t = abs(mean) / error if error > 1e-12 * abs(mean) else np.inf if mean else 0.0
    return Difference(name, len(seeds), float(mean), float(half), float(2 * stats.t.sf(t, len(seeds) - 1)))


def _adjusted(found: list[Difference]) -> list[Difference]:
    """Holm's method: the k-th smallest of m p-values times m - k + 1, at least the one before, at most 1."""
    order = sorted((place for place, each in enumerate(found) if each.p is not None), key=lambda k: found[k].p or 0.0)
    adjusted, least = list(found), 0.0
    for rank, place in enumerate(order):
        each = found[place]
        least = min(1.0, max(least, (len(order) - rank) * (each.p or 0.0)))
        adjusted[place] = Difference(each.setting, each.seeds, each.mean, each.half_width, least)
    return adjusted
