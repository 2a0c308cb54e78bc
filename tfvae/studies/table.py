"""The table of a study's results: a row for each run and step that was scored."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from tfvae.experiment import Experiment
from tfvae.files.atomic import written_whole
from tfvae.studies.run import points, read_scores, scores_file
from tfvae.studies.study import Study
from tfvae.studies.summary import over_training, summary

Row = Mapping[str, Any]


def rows_of(study: Study, output: str | os.PathLike) -> list[dict[str, Any]]:
    """The results of a study so far, in the order of its runs.

    Returns:
        For each run and step that was scored: "run", its name; each key of its experiment, those within objects as
        "parameters.gamma", and the step as "steps"; for each metric its score under its name, None if it was skipped,
        and its other numbers, such as "factor_vae.standard_error"; "reconstruction" and "kl" in nats;
        "training_seconds" and "training_cpu_seconds" over all interruptions, and "evaluation_seconds".
    """
    rows = []
    for name, experiment in study.experiments().items():
        for steps in points(experiment, study.score_at):
            file = scores_file(Path(output) / "runs" / name, steps, study.evaluation)
            if (values := read_scores(file)) is not None:
                rows.append({"run": name, **_row(values)})
    return rows


def write_table(rows: Sequence[Row], output: str | os.PathLike) -> None:
    """Writes rows to results.csv and .parquet, and their summary to results.md; nothing while there are no rows."""
    if not rows:
        return
    fields = [each.name for each in dataclasses.fields(Experiment)]
    names = list(dict.fromkeys(key for row in rows for key in row))
    # Keys that some models lack are placed next to the others of their object.
    places = {name: (fields.index(top) if (top := name.partition(".")[0]) in fields else len(fields)) for name in names}
    names = ["run", *sorted(names[1:], key=lambda name: places[name])]
    table = pa.table({name: _column([row.get(name) for row in rows]) for name in names})
    with written_whole(Path(output) / "results.csv") as beside:
        csv.write_csv(table, beside)
    with written_whole(Path(output) / "results.parquet") as beside:
        parquet.write_table(table, beside)
    with written_whole(Path(output) / "results.md") as beside:
        tables = [summary(rows), over_training(rows)]
        beside.write_text("\n".join(table.to_markdown() for table in tables if table))


def read_table(path: str | os.PathLike) -> list[dict[str, Any]]:
    """The rows of a results.parquet, or of a folder that has one.

    Raises:
        FileNotFoundError: when there is none.
        ValueError: when it is damaged.

    Examples:
        >>> from tfvae.studies.table import read_table, write_table
        >>> row = {"run": "vae-1", "model": "vae", "seed": 1, "steps": 10, "mig": 0.25, "training_cpu_seconds": 9.0}
        >>> write_table([row], "study")
        >>> read_table("study")[0]["mig"]
        0.25
    """
    path = Path(path)
    path = path / "results.parquet" if path.is_dir() else path
    try:
        return parquet.read_table(path).to_pylist()
    except pa.ArrowException as error:
        raise ValueError(
            f"Expected the results of a study. Received: {path}: {' '.join(str(error).split())}. The study's command "
            f"writes it again from the scores of its runs"
        ) from None


def described(rows: Sequence[Row], run: str) -> str:
    """A run's last scores and the seconds of its training, in one line."""
    *_, row = (row for row in rows if row["run"] == run)
    scores = {key: value for key, value in row.items() if f"{key}.standard_error" in row and value is not None}
    found = [f"{name} {value:.3g}" for name, value in scores.items()]
    return f"{', '.join(found)} (training {row['training_seconds']:.0f} s)"


def differences(experiments: Mapping[str, Experiment]) -> dict[str, str]:
    """How each experiment differs from the others of its model: "parameters.beta=4 seed=0"."""
    flat = {name: _flat(dataclasses.asdict(experiment)) for name, experiment in experiments.items()}
    seen: dict[tuple[str, str], set[str]] = {}
    for values in flat.values():
        for key, value in values.items():
            seen.setdefault((values["model"], key), set()).add(repr(value))
    return {
        name: " ".join(f"{key}={value}" for key, value in values.items() if len(seen[values["model"], key]) > 1)
        for name, values in flat.items()
    }


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    row = _flat(values["experiment"])
    scores = values["scores"]
    named = {key: result for key, result in scores.items() if isinstance(result, dict) and "score" in result}
    for name, result in named.items():
        row[name] = result["score"]
        row |= {f"{name}.{key}": each for key, each in result.items() if key != "score" and _is_number(each)}
        row.setdefault(f"{name}.standard_error", None)  # of a metric that was skipped
    if "reconstruction" in scores:
        row["reconstruction"] = scores["reconstruction"]["nats"]
        row["reconstruction.standard_error"] = scores["reconstruction"]["standard_error"]
    if "kl" in scores:
        row["kl"] = scores["kl"]["total"]
    return row | {key: value for key, value in values.items() if key.endswith("seconds")}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _column(values: list[Any]) -> pa.Array:
    """A column of one type. Values of several types, and lists, become JSON text."""
    kinds = {float if _is_number(value) else type(value) for value in values if value is not None}
    if len(kinds) > 1 or kinds & {list, tuple, dict}:
        return pa.array([None if value is None else json.dumps(value) for value in values])
    if any(isinstance(value, float) for value in values):
        values = [None if value is None else float(value) for value in values]
    return pa.array(values)
