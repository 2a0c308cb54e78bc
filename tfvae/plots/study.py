"""Figures of a study: its scores by step, by strength, and against the reconstruction error.

They are the paper's Figures 4, 5, 8, 10, 12 and 23 (Kim & Mnih, 2018).
"""

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from tfvae.analysis.agreement import Agreement, agreement
from tfvae.analysis.settings import Setting, by_model
from tfvae.metrics import METRICS
from tfvae.plots.agreement import plot_agreement
from tfvae.plots.axes import add_legend, colors
from tfvae.plots.figures import save_figure
from tfvae.plots.study_grid import Rows, bars_of, by_number, plot_grid, scores_in, strength_name
from tfvae.plots.trade_off import has_both, plot_trade_off

_SHORT_LABEL = 12  # characters: three such labels fit side by side
_WIDTH_OF_CHART = 44
_LINE = 0.18  # inches


def plot_by_step(rows: Rows, scores: Sequence[str] | None = None, *, by_time: bool = False) -> Figure:
    """Draws scores over training (Figure 4): a row of charts for each score, a column for each model.

    A line is a setting, the mean over its seeds; its band is the 95% confidence interval of the mean, or the range of
    the runs if a setting has fewer than four seeds.

    Args:
        rows: of a study's table, see `tfvae.studies.read_table`, of runs that were scored at several steps.
        scores: columns of the table; by default the reconstruction error and all metrics that it has.
        by_time: whether the horizontal axis is CPU time, the mean over the seeds, instead of steps.

    Raises:
        ValueError: if there are no rows, or none with one of the scores.

    Examples:
        >>> from tfvae.plots.study import plot_by_step
        >>> rows = [
        ...     {"model": "beta_vae", "parameters.beta": beta, "seed": seed, "steps": steps, "mig": steps / 100 * beta}
        ...     for beta in (1.0, 4.0)
        ...     for seed in (0, 1)
        ...     for steps in (10, 20)
        ... ]
        >>> figure = plot_by_step(rows, ["mig"])
    """

    bars = bars_of(rows)

    def draw(axes: Axes, settings: list[Setting], score: str) -> None:
        for setting, color in zip(settings, colors(len(settings)), strict=True):
            steps = setting.steps(score)
            across = [setting.interval("training_cpu_seconds", step)[0] if by_time else step for step in steps]
            means, low, high = zip(*(bars(setting, score, step) for step in steps), strict=True) if steps else ((),) * 3
            axes.plot(across, means, color=color, linewidth=1.2, marker=".", label=setting.label)
            axes.fill_between(across, low, high, color=color, alpha=0.15, linewidth=0)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))

    label = "CPU seconds of training" if by_time else "training steps"
    return _with_legends(*plot_grid(rows, scores, draw, lambda settings: label, last=False))


def plot_by_strength(rows: Rows, scores: Sequence[str] | None = None) -> Figure:
    """Draws scores at the end of training by the strength of each model: rows and columns as in `plot_by_step`.

    A point is the mean over the seeds of a setting; its bar is as the band there. The dots next to it are the runs.
    Settings that differ in more than one number are placed side by side, and named in a legend.

    Args:
        rows: of a study's table, see `tfvae.studies.read_table`.
        scores: columns of the table; by default the reconstruction error and all metrics that it has.

    Raises:
        ValueError: if there are no rows, or none with one of the scores.

    Examples:
        >>> from tfvae.plots.study import plot_by_strength
        >>> rows = [
        ...     {"model": "beta_vae", "parameters.beta": beta, "seed": seed, "steps": 10, "mig": beta / 10 + seed / 50}
        ...     for beta in (1.0, 4.0)
        ...     for seed in (0, 1)
        ... ]
        >>> figure = plot_by_strength(rows, ["mig"])
    """

    bars = bars_of(rows)

    def draw(axes: Axes, settings: list[Setting], score: str) -> None:
        # Strengths grow as powers do: they are placed at equal distances.
        for place, (setting, color) in enumerate(zip(settings, colors(len(settings)), strict=True)):
            for step in setting.steps(score)[-1:]:
                mean, low, high = bars(setting, score, step)
                ends = [[mean - low], [high - mean]]
                label = None if by_number(settings) else setting.label
                axes.errorbar(
                    place, mean, ends, color=color, label=label, fmt="o", markersize=4, capsize=2.5, linewidth=1
                )
                runs = setting.at(score, step)
                axes.plot([place + 0.12] * len(runs), runs, ".", color=color, markersize=4, alpha=0.5, mew=0)
        labels = [setting.label.split(" ")[-1] for setting in settings] if by_number(settings) else []
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlim(-0.6, len(settings) - 0.4)

    return _with_legends(*plot_grid(rows, scores, draw, strength_name, last=True))


def save_figures(rows: Rows, folder: str | os.PathLike, *, suffix: str = ".png") -> list[Path]:
    """Writes all figures that a table has the numbers for to a folder, as .png, .pdf or .svg; returns their paths.

    Examples:
        >>> from tfvae.plots.study import save_figures
        >>> rows = [
        ...     {"model": "beta_vae", "parameters.beta": beta, "seed": seed, "steps": 10, "mig": beta / 10 + seed / 50}
        ...     for beta in (1.0, 4.0)
        ...     for seed in (0, 1)
        ... ]
        >>> [path.name for path in save_figures(rows, "figures")]
        ['scores_by_strength.png']
    """
    scores = scores_in(rows)
    if not scores:
        return []
    settings = [setting for each in by_model(rows).values() for setting in each]
    figures = {"scores_by_strength": plot_by_strength(rows)}
    if any(len(setting.steps(score)) > 1 for setting in settings for score in scores):
        figures["scores_by_step"] = plot_by_step(rows)
        if all(row.get("training_cpu_seconds") is not None for row in rows):
            figures["scores_by_time"] = plot_by_step(rows, by_time=True)
    for score in scores:
        if score != "reconstruction" and any(has_both(setting, score) for setting in settings):
            figures[f"trade_off_{score}"] = plot_trade_off(rows, score)
    if agreed := _agreement(rows):
        figures["agreement"] = plot_agreement(agreed)
    paths = [Path(folder) / f"{name}{suffix}" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        save_figure(figure, path)
    return paths


def _agreement(rows: Rows) -> Agreement | None:
    """How far metrics agree over the ends of runs; None for fewer than three runs, or two metrics that differ."""
    ends: dict[str, Mapping[str, Any]] = {}
    for row in sorted((row for row in rows if "run" in row), key=lambda row: row["steps"]):
        ends[row["run"]] = row
    found: dict[str, list[Any]] = {name: [row.get(name) for row in ends.values()] for name in METRICS}
    compared = {name: values for name, values in found.items() if None not in values and len(set(values)) > 1}
    return agreement(compared) if len(ends) >= 3 and len(compared) >= 2 else None


def _with_legends(figure: Figure, columns: list[list[Axes]]) -> Figure:
    """The figure, with a legend below each column, and higher by their lines."""
    lines = [_add_legend_below(column) for column in columns]
    figure.set_figheight(figure.get_figheight() + _LINE * max(lines))
    return figure


def _add_legend_below(column: list[Axes]) -> float:
    """Adds a model's legend below its lowest chart; returns how many lines of text it takes."""
    # The lowest chart may be skipped.
    lines, labels = max((chart.get_legend_handles_labels() for chart in column), key=lambda found: len(found[0]))
    if not any(labels):
        return 0
    columns = 3 if max(map(len, labels)) <= _SHORT_LABEL else 1
    labels = [textwrap.fill(label, _WIDTH_OF_CHART) for label in labels]
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.3), "columnspacing": 1.2}
    add_legend(column[-1], handles=lines, labels=labels, ncols=columns, **place)
    return sum(label.count("\n") + 1 for label in labels) / columns
