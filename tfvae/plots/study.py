"""Figures of a study: its scores by step, by strength, and against the reconstruction error.

The paper has them as Figures 4, 5, 8, 10, 12 and 23 (Kim & Mnih, 2018).
"""

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from tfvae.analysis.settings import Setting, by_model, short
from tfvae.metrics import METRICS
from tfvae.models import MODELS
from tfvae.plots.axes import add_legend, colors, new_axes, set_title
from tfvae.plots.curves import LABELS
from tfvae.plots.tiles import FAINT, INK, save_png

_MARKERS = "osD^vP*X"
_SHORT_LABEL = 12  # characters, of which three labels have room beside each other
_WIDTH_OF_CHART = 44
_LINE = 0.18  # inches
_SHORT = ("dci", "irs", "mig", "sap")


def plot_by_step(
    rows: Sequence[Mapping[str, Any]], scores: Sequence[str] | None = None, *, by_time: bool = False
) -> Figure:
    """Draws scores over training (Figure 4): a row of charts for each score, a column for each model.

    A setting is a line, the mean over its seeds, with a band: the 95% confidence interval of the mean.

    Args:
        rows: of a study's table, see `tfvae.studies.read_table`, of runs that were scored at several steps.
        scores: columns of the table; by default the reconstruction error and all metrics that it has.
        by_time: whether the processor's time stands across, the mean over the seeds, in place of the steps.

    Raises:
        ValueError: there are no rows, or none with one of the scores.
    """

    def draw(axes: Axes, settings: list[Setting], score: str) -> None:
        for setting, color in zip(settings, colors(len(settings)), strict=True):
            steps = setting.steps(score)
            across = [setting.interval("training_cpu_seconds", step)[0] if by_time else step for step in steps]
            found = [setting.interval(score, step) for step in steps]
            axes.plot(across, [mean for mean, _ in found], color=color, linewidth=1.2, marker=".", label=setting.label)
            low, high = ([mean + side * half for mean, half in found] for side in (-1, 1))
            axes.fill_between(across, low, high, color=color, alpha=0.2, linewidth=0)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))

    label = "CPU seconds of training" if by_time else "training steps"
    figure, lowest = _grid(rows, scores, draw, lambda settings: label, last=False)
    legends = []
    for axes in lowest:
        lines, labels = axes.get_legend_handles_labels()
        if any(labels):
            columns = 3 if max(map(len, labels)) <= _SHORT_LABEL else 1
            labels = [textwrap.fill(label, _WIDTH_OF_CHART) for label in labels]
            place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.3), "columnspacing": 1.2}
            add_legend(axes, handles=lines, labels=labels, ncols=columns, **place)
            legends.append(sum(label.count("\n") + 1 for label in labels) / columns)
    figure.set_figheight(figure.get_figheight() + _LINE * max(legends, default=0))
    return figure


def plot_by_strength(rows: Sequence[Mapping[str, Any]], scores: Sequence[str] | None = None) -> Figure:
    """Draws scores at the end of training by the strength of each model: rows and columns as in `plot_by_step`.

    A point is the mean over the seeds of a setting, its bar the 95% confidence interval of the mean, and dots beside it
    are the runs. The scale is that of the runs: bars of very few seeds leave it. Settings that
    differ in more than one number stand side by side under their labels.

    Args, raises: as `plot_by_step`.
    """

    def draw(axes: Axes, settings: list[Setting], score: str) -> None:
        # Strengths grow as powers do: one place each, whatever their distance.
        for place, (setting, color) in enumerate(zip(settings, colors(len(settings)), strict=True)):
            mean, half = setting.interval(score, setting.steps(score)[-1])
            axes.errorbar(place, mean, half, color=color, marker="o", markersize=4, capsize=2.5, linewidth=1)
            runs = setting.at(score, setting.steps(score)[-1])
            axes.plot([place + 0.12] * len(runs), runs, ".", color=color, markersize=4, alpha=0.5, markeredgewidth=0)
        labels = [setting.label.split(" ")[-1] if _by_number(settings) else setting.label for setting in settings]
        slanted: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(settings)), labels, **({} if _by_number(settings) else slanted))
        axes.set_xlim(-0.6, len(settings) - 0.4)

    return _grid(rows, scores, draw, lambda settings: _strength_name(settings), last=True)[0]


def plot_trade_off(rows: Sequence[Mapping[str, Any]], score: str = "factor_vae") -> Figure:
    """Draws the reconstruction error against a score at the end of training, for each model and strength (Figure 5).

    A point is a setting: the mean over its seeds, with bars, the 95% confidence intervals of the two means. A line
    joins the settings of a model by their strength, which stands beside the point. Upper left is better, but for the
    metrics of which lower is.

    Args:
        rows: of a study's table, see `tfvae.studies.read_table`.
        score: the column of a metric.

    Raises:
        ValueError: there are no rows, or a model has none with the score and the reconstruction error.
    """
    models = by_model(rows)
    figure, (axes,) = new_axes(1, 1, width=5.2, height=3.8)
    for (model, settings), color, marker in zip(models.items(), colors(len(models)), _cycled(len(models)), strict=True):
        _check(settings, ["reconstruction", score])
        errors = [setting.interval("reconstruction", setting.steps("reconstruction")[-1]) for setting in settings]
        found = [setting.interval(score, setting.steps(score)[-1]) for setting in settings]
        (x, x_half), (y, y_half) = zip(*errors, strict=True), zip(*found, strict=True)
        bars: dict[str, Any] = {"elinewidth": 0.8, "capsize": 2, "markersize": 5, "linewidth": 1.1, "alpha": 0.9}
        name = ", ".join(filter(None, [_title(model), _strength_name(settings)]))
        line = "-" if _by_number(settings) else ""
        axes.errorbar(x, y, y_half, x_half, marker=marker, linestyle=line, color=color, label=name, **bars)
        for setting, place in zip(settings, zip(x, y, strict=True), strict=True):
            text = setting.label.split(" ")[-1] if _by_number(settings) else setting.label
            axes.annotate(
                text, place, (4, 4), textcoords="offset points", fontsize=8, color=color, annotation_clip=False
            )
    axes.set_xlabel(LABELS["reconstruction"], color=INK)
    axes.set_ylabel(_score_name(score), color=INK)
    every = [setting for settings in models.values() for setting in settings]
    axes.set_xlim(*_limits(every, "reconstruction", last=True))
    axes.set_ylim(*_limits(every, score, last=True))
    axes.grid(linewidth=0.5, alpha=0.25)
    add_legend(axes)
    _note(figure, rows)
    return figure


def save_figures(rows: Sequence[Mapping[str, Any]], folder: str | os.PathLike) -> list[Path]:
    """Writes all figures that a table is enough for to a folder, as PNG; returns their paths."""
    scored = [name for name in METRICS if any(row.get(name) is not None for row in rows)]
    at_steps = any(len(setting.steps(scored[0])) > 1 for each in by_model(rows).values() for setting in each)
    figures = {"scores_by_strength": plot_by_strength(rows)}
    if at_steps:
        figures["scores_by_step"] = plot_by_step(rows)
        if all(row.get("training_cpu_seconds") is not None for row in rows):
            figures["scores_by_time"] = plot_by_step(rows, by_time=True)
    if any(row.get("reconstruction") is not None for row in rows):
        figures |= {f"trade_off_{name}": plot_trade_off(rows, name) for name in scored}
    for name, figure in figures.items():
        save_png(figure, Path(folder) / f"{name}.png")
    return [Path(folder) / f"{name}.png" for name in figures]


def _grid(
    rows: Sequence[Mapping[str, Any]], scores: Sequence[str] | None, draw: Any, x_label: Any, *, last: bool
) -> tuple[Figure, list[Axes]]:
    """Charts of each score (down) of each model (across), with one scale for a score; and those of the last score."""
    models = by_model(rows)
    if scores is None:
        known = ["reconstruction", *METRICS]
        scores = [name for name in known if any(row.get(name) is not None for row in rows)]
    if not scores:
        raise ValueError("Expected rows with scores. Received: rows with none")
    figure, axes = new_axes(len(scores), len(models), width=3.4, height=2.2)
    for place, (model, settings) in enumerate(models.items()):
        _check(settings, scores)
        for row, score in enumerate(scores):
            chart = axes[row * len(models) + place]
            draw(chart, settings, score)
            chart.grid(axis="y", linewidth=0.5, alpha=0.25)
            chart.sharey(axes[row * len(models)])
            if row == 0:
                set_title(chart, _title(model))
            if row == len(scores) - 1:
                chart.set_xlabel(x_label(settings))
            if place == 0:
                chart.set_ylabel(_score_name(score))
    every = [setting for settings in models.values() for setting in settings]
    for row, score in enumerate(scores):
        axes[row * len(models)].set_ylim(*_limits(every, score, last=last))
    _note(figure, rows)
    return figure, axes[-len(models) :]


def _limits(settings: list[Setting], score: str, *, last: bool) -> tuple[float, float]:
    """Limits of an axis that shows every run, and of intervals what has room: those of two or three seeds are vast."""
    steps = {id(setting): setting.steps(score)[-1:] if last else setting.steps(score) for setting in settings}
    values = [value for setting in settings for step in steps[id(setting)] for value in setting.at(score, step)]
    low, high = min(values), max(values)
    room = 0.15 * (high - low) or 0.05 * abs(high) or 0.05
    return low - room, high + room


def _note(figure: Figure, rows: Sequence[Mapping[str, Any]]) -> None:
    seeds = {len({row["seed"] for row in setting.rows}) for each in by_model(rows).values() for setting in each}
    number = str(min(seeds)) if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
    text = "one seed each" if seeds == {1} else f"mean and 95% confidence interval over {number} seeds"
    figure.supxlabel(text, fontsize=8, color=FAINT, x=0.99, ha="right")


def _check(settings: list[Setting], scores: Sequence[str]) -> None:
    for setting in settings:
        for score in scores:
            if not setting.steps(score):
                raise ValueError(f"Expected rows of {setting.model} {setting.label} with {score!r}. Received: none")


def _by_number(settings: list[Setting]) -> bool:
    return all(setting.strength is not None for setting in settings)


def _strength_name(settings: list[Setting]) -> str:
    return short(next(iter(settings[0].values))) if _by_number(settings) else ""


def _score_name(score: str) -> str:
    named = {"beta_vae": "beta-VAE metric", "factor_vae": "FactorVAE metric"} | {key: key.upper() for key in _SHORT}
    return named.get(score) or LABELS.get(score) or score.replace("_", " ")


def _title(model: str) -> str:
    return MODELS[model].__name__ if model in MODELS else model


def _cycled(number: int) -> list[str]:
    return [_MARKERS[place % len(_MARKERS)] for place in range(number)]
