"""Charts of a study: a row for each score, a column for each model, with one scale for a score."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae.analysis.settings import Setting, by_model, short
from tfvae.metrics import METRICS
from tfvae.models import MODELS
from tfvae.plots.axes import new_axes, set_title
from tfvae.plots.curves import LABELS
from tfvae.plots.tiles import FAINT

Rows = Sequence[Mapping[str, Any]]
Bars = Callable[[Setting, str, int], tuple[float, float, float]]
_NAMES = {"beta_vae": "beta-VAE metric", "factor_vae": "FactorVAE metric"} | {
    f"info{each}": f"Info{each.upper()}" for each in "cem"
}
_ACRONYMS = ("dci", "irs", "mig", "sap")
# A 95% confidence interval of two seeds is 13 times as wide as they are apart; of four it is about their range.
_SEEDS_OF_AN_INTERVAL = 4
_LINE = 26  # characters of a score's name that are as long as a chart is high


def plot_grid(
    rows: Rows,
    scores: Sequence[str] | None,
    draw: Callable[[Axes, list[Setting], str], None],
    x_label: Callable[[list[Setting]], str],
    *,
    last: bool,
) -> tuple[Figure, list[list[Axes]]]:
    """Draws each score of each model; a chart for which there are no rows says that it is skipped.

    Args:
        rows: of a study's table.
        scores: columns of the table; by default those of `scores_in`.
        draw: draws a score of one model's settings, of which some may lack it.
        x_label: the label of the horizontal axis for a model's settings.
        last: whether only the last step of each setting is shown.

    Returns:
        The figure, and the charts of each model from top to bottom.

    Raises:
        ValueError: if there are no rows, or none with one of the scores.
    """
    models = by_model(rows)
    scores = scores_in(rows) if scores is None else scores
    if not scores:
        raise ValueError("Expected rows with scores. Received: rows with none")
    every = [setting for settings in models.values() for setting in settings]
    for score in scores:
        if not any(setting.steps(score) for setting in every):
            raise ValueError(f"Expected rows with {score!r}. Received: none")
    figure, axes = new_axes(len(scores), len(models), width=3.4, height=2.2)
    columns = [axes[place :: len(models)] for place in range(len(models))]
    for column, (model, settings) in zip(columns, models.items(), strict=True):
        for chart, first, score in zip(column, columns[0], scores, strict=True):
            if any(setting.steps(score) for setting in settings):
                draw(chart, settings, score)
                chart.grid(axis="y", linewidth=0.5, alpha=0.25)
            else:
                chart.text(0.5, 0.5, "skipped: no scores", transform=chart.transAxes, ha="center", color=FAINT)
                chart.xaxis.set_visible(False)
            chart.sharey(first)
        set_title(column[0], model_name(model))
        column[-1].set_xlabel(x_label(settings))
    for chart, score in zip(columns[0], scores, strict=True):
        chart.set_ylabel(textwrap.fill(score_name(score), _LINE))
        chart.set_ylim(*limits(every, score, bars_of(rows), last=last))
    add_note(figure, rows)
    return figure, columns


def scores_in(rows: Rows) -> list[str]:
    """The reconstruction error and the metrics that some row has."""
    # Asked here, as a study may register metrics after this module is imported.
    return [name for name in ("reconstruction", *METRICS) if any(row.get(name) is not None for row in rows)]


def bars_of(rows: Rows) -> Bars:
    """What bars and bands of a figure show of a setting's score at a step: the mean, the lower and the upper end.

    From four seeds on it is the 95% confidence interval of the mean, of fewer the range of the runs.
    """
    if min(_numbers_of_seeds(rows)) >= _SEEDS_OF_AN_INTERVAL:

        def interval(setting: Setting, score: str, steps: int) -> tuple[float, float, float]:
            mean, half = setting.interval(score, steps)
            return mean, mean - half, mean + half

        return interval

    def spread(setting: Setting, score: str, steps: int) -> tuple[float, float, float]:
        values = setting.at(score, steps)
        return setting.interval(score, steps)[0], min(values), max(values)

    return spread


def limits(settings: Sequence[Setting], score: str, bars: Bars, *, last: bool) -> tuple[float, float]:
    """Limits of an axis that shows every run and every bar."""
    values = [
        value
        for setting in settings
        for step in (setting.steps(score)[-1:] if last else setting.steps(score))
        for value in (*setting.at(score, step), *bars(setting, score, step))
    ]
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
    return low - room, high + room


def add_note(figure: Figure, rows: Rows, further: str = "") -> None:
    """Says at the foot of a figure over how many seeds it averages, and what its bars are."""
    seeds = _numbers_of_seeds(rows)
    number = str(min(seeds)) if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
    bars = "95% confidence interval" if min(seeds) >= _SEEDS_OF_AN_INTERVAL else "range"
    text = "one seed each" if seeds == {1} else f"mean and {bars} over {number} seeds"
    figure.supxlabel(text + further, fontsize=8, color=FAINT, x=0.99, ha="right")


def _numbers_of_seeds(rows: Rows) -> set[int]:
    return {len({row["seed"] for row in setting.rows}) for each in by_model(rows).values() for setting in each}


def by_number(settings: list[Setting]) -> bool:
    """Whether the settings differ in one number alone."""
    return all(setting.strength is not None for setting in settings)


def strength_name(settings: list[Setting]) -> str:
    """The name of the number in which the settings differ; "" where they differ in other ways."""
    return short(next(iter(settings[0].values))) if by_number(settings) else ""


def score_name(score: str) -> str:
    named = _NAMES | {name: name.upper() for name in _ACRONYMS}
    return named.get(score) or LABELS.get(score) or score.replace("_", " ")


def model_name(model: str) -> str:
    return MODELS[model].__name__ if model in MODELS else model
