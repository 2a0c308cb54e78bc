"""The reconstruction error against a score (Kim & Mnih, 2018, Figure 5)."""

import itertools
import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from tfvae.analysis.settings import Setting, by_model
from tfvae.plots.axes import add_legend, colors, new_axes
from tfvae.plots.curves import LABELS
from tfvae.plots.study_grid import Rows, add_note, bars_of, by_number, limits, model_name, score_name, strength_name
from tfvae.plots.tiles import INK

_MARKERS = "osD^vP*X"
_WIDTH = 36  # characters of a name in the legend
_BARS: dict[str, Any] = {"elinewidth": 0.8, "capsize": 2, "markersize": 5, "linewidth": 1.1, "alpha": 0.9}


def plot_trade_off(rows: Rows, score: str = "factor_vae") -> Figure:
    """Draws the reconstruction error against a score at the end of training, for each model and strength.

    A point is a setting: the mean over its seeds, with bars for the 95% confidence intervals of the two means, or for
    the ranges of the runs if a setting has fewer than four seeds. A line joins the settings of a model in the order of
    their strength, which is printed next to each point; settings that differ in more are named in the legend. Better is
    to the upper left, or to the lower left for metrics where lower is better. Models that lack one of the two, as a GAN
    has no reconstruction error, are named at the foot of the figure.

    Args:
        rows: of a study's table, see `tfvae.studies.read_table`.
        score: the column of a metric.

    Raises:
        ValueError: if there are no rows, or no setting with the score and the reconstruction error.

    Examples:
        >>> from tfvae.plots.trade_off import plot_trade_off
        >>> row = {"model": "beta_vae", "parameters.beta": 1.0, "seed": 0, "steps": 9, "mig": 0.1, "reconstruction": 50}
        >>> rows = [row, row | {"parameters.beta": 4.0, "mig": 0.2, "reconstruction": 70}]
        >>> figure = plot_trade_off(rows, "mig")
    """
    models = {model: [s for s in settings if has_both(s, score)] for model, settings in by_model(rows).items()}
    drawn = {model: settings for model, settings in models.items() if settings}
    if not drawn:
        raise ValueError(f"Expected rows with 'reconstruction' and {score!r}. Received: none with both")
    figure, (axes,) = new_axes(1, 1, width=5.2, height=3.8)
    bars, series = bars_of(rows), _series(drawn)
    for (name, marker, settings), color in zip(series, colors(len(series)), strict=True):
        means, ends = [], []
        for axis in ("reconstruction", score):
            found = [bars(setting, axis, setting.steps(axis)[-1]) for setting in settings]
            middle, low, high = np.transpose(found)
            means.append(middle)
            ends.append([middle - low, high - middle])
        (x, y), (x_ends, y_ends) = means, ends
        line = "-" if by_number(settings) else ""
        axes.errorbar(x, y, y_ends, x_ends, color=color, label=name, marker=marker, linestyle=line, **_BARS)
        if by_number(settings):
            for setting, point in zip(settings, zip(x, y, strict=True), strict=True):
                # White around it, as it may lie over bars.
                halo = [withStroke(linewidth=2.5, foreground="white")]
                text: dict[str, Any] = {"fontsize": 8, "color": color, "annotation_clip": False, "path_effects": halo}
                axes.annotate(setting.label.split(" ")[-1], point, (4, 4), textcoords="offset points", **text)
    axes.set_xlabel(LABELS["reconstruction"], color=INK)
    axes.set_ylabel(score_name(score), color=INK)
    every = [setting for settings in drawn.values() for setting in settings]
    axes.set_xlim(*limits(every, "reconstruction", bars, last=True))
    axes.set_ylim(*limits(every, score, bars, last=True))
    axes.grid(linewidth=0.5, alpha=0.25)
    add_legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncols=1 if len(series) < 3 else 2)
    skipped = ", ".join(model_name(model) for model, settings in models.items() if not settings)
    add_note(figure, rows, f"; skipped: {skipped}" if skipped else "")
    return figure


def _series(models: dict[str, list[Setting]]) -> list[tuple[str, str, list[Setting]]]:
    """What has a colour, with its name and marker: a model, or a setting where they differ in more than one number."""
    found = []
    for (model, settings), marker in zip(models.items(), itertools.cycle(_MARKERS), strict=False):
        if by_number(settings):
            found.append((f"{model_name(model)}, {strength_name(settings)}", marker, settings))
        else:
            names = [": ".join(filter(None, [model_name(model), setting.label])) for setting in settings]
            found += [(textwrap.fill(name, _WIDTH), marker, [each]) for name, each in zip(names, settings, strict=True)]
    return found


def has_both(setting: Setting, score: str) -> bool:
    """Whether a setting has a score and the reconstruction error."""
    return bool(setting.steps(score) and setting.steps("reconstruction"))
