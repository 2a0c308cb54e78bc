"""The results of a study for a reader: a line for each setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfvae.analysis.settings import Setting, by_model
from tfvae.files.markdown import Table

_UNITS = {"reconstruction": "reconstruction, nats", "kl": "KL, nats"}


def summary(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The scores of each setting at its last step.

    For several seeds, it has their mean and half its 95% confidence interval; for one seed, its score and standard
    error. A score that was skipped is an empty cell.

    Args:
        rows: of a study's table (`tfvae.studies.read_table`).

    Raises:
        ValueError: there are no rows.
    """
    settings = [(model, setting) for model, found in by_model(rows).items() for setting in found]
    scores = scores_in(rows)
    columns = ["model", "setting", "seeds", "steps", *(_UNITS.get(score, score) for score in scores), "CPU ms a step"]
    return Table("Results", columns, [_cells(model, setting, scores) for model, setting in settings])


def over_training(rows: Sequence[Mapping[str, Any]]) -> Table | None:
    """The scores of each setting at each step at which it was scored, and what the training had cost by then.

    Cells, args and errors are those of `summary`. None when no run was scored more than once.
    """
    settings = [setting for found in by_model(rows).values() for setting in found]
    lines = [(setting, steps) for setting in settings for steps in sorted({row["steps"] for row in setting.rows})]
    if len(lines) == len(settings):
        return None
    scores = scores_in(rows)
    columns = ["setting", "seeds", "steps", "CPU s", *(_UNITS.get(score, score) for score in scores)]
    found = []
    for setting, steps in lines:
        at = [row for row in setting.rows if row["steps"] == steps]
        label = " ".join(filter(None, [setting.model, setting.label]))
        cost = sum(row["training_cpu_seconds"] for row in at) / len(at)
        found.append([label, len(at), steps, cost, *(_score(setting, score, steps, at) for score in scores)])
    return Table("Over training", columns, found)


def summary_value(setting: Setting, score: str) -> str | None:
    """A cell of `summary`: "0.300 +- 0.041" at the setting's last step; None if the score was skipped."""
    last = max(row["steps"] for row in setting.rows)
    return _score(setting, score, last, [row for row in setting.rows if row["steps"] == last])


def scores_in(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The scores of a study's table, in the order of its columns; the reconstruction and the KL are the last."""
    metrics = dict.fromkeys(key.removesuffix(".standard_error") for row in rows for key in row if _is_error(key))
    return [*(name for name in metrics if name not in _UNITS), *_UNITS]


def _cells(model: str, setting: Setting, scores: Sequence[str]) -> list[Any]:
    last = max(row["steps"] for row in setting.rows)
    rows = [row for row in setting.rows if row["steps"] == last]
    times = [row["training_cpu_seconds"] for row in rows]
    found = [_score(setting, score, last, rows) for score in scores]
    return [model, setting.label, len(rows), last, *found, 1e3 * sum(times) / len(times) / last]


def _score(setting: Setting, score: str, steps: int, rows: Sequence[Mapping[str, Any]]) -> str | None:
    count = len(setting.at(score, steps))
    if not count:
        return None
    value, half = setting.interval(score, steps)
    if count == 1:
        half = next((row[f"{score}.standard_error"] for row in rows if row.get(f"{score}.standard_error")), 0.0)
    digits = 1 if score in _UNITS else 3
    return f"{value:.{digits}f}" + (f" +- {half:.{digits}f}" if half else "")


def _is_error(key: str) -> bool:
    return key.endswith(".standard_error")
