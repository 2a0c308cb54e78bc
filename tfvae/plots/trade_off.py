"""The reconstruction error against a score (Kim & Mnih, 2018, Figure 5)."""

from typing import Any

from matplotlib.figure import Figure

from tfvae.analysis.settings import Setting, by_model
from tfvae.plots.axes import add_legend, colors, new_axes
from tfvae.plots.curves import LABELS
from tfvae.plots.study_grid import Rows, add_note, by_number, limits, model_name, score_name, strength_name
from tfvae.plots.tiles import INK

_MARKERS = "osD^vP*X"
_BARS: dict[str, Any] = {"elinewidth": 0.8, "capsize": 2, "markersize": 5, "linewidth": 1.1, "alpha": 0.9}


def plot_trade_off(rows: Rows, score: str = "factor_vae") -> Figure:
    """Draws the reconstruction error against a score at the end of training, for each model and strength.

    A point is a setting: the mean over its seeds, with bars for the 95% confidence intervals of the two means. A line
    joins the settings of a model in the order of their strength, which is printed next to each point. Better is to the
    upper left, or to the lower left for metrics where lower is better. Models that lack one of the two, as a GAN has
    no reconstruction error, are named at the foot of the figure.

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
    for place, ((model, settings), color) in enumerate(zip(drawn.items(), colors(len(drawn)), strict=True)):
        errors = [setting.interval("reconstruction", setting.steps("reconstruction")[-1]) for setting in settings]
        found = [setting.interval(score, setting.steps(score)[-1]) for setting in settings]
        (x, x_half), (y, y_half) = zip(*errors, strict=True), zip(*found, strict=True)
        name = ", ".join(filter(None, [model_name(model), strength_name(settings)]))
        style: dict[str, Any] = {
            "marker": _MARKERS[place % len(_MARKERS)],
            "linestyle": "-" if by_number(settings) else "",
        }
        axes.errorbar(x, y, y_half, x_half, color=color, label=name, **style, **_BARS)
        for setting, point in zip(settings, zip(x, y, strict=True), strict=True):
            text = setting.label.split(" ")[-1] if by_number(settings) else setting.label
            axes.annotate(
                text, point, (4, 4), textcoords="offset points", fontsize=8, color=color, annotation_clip=False
            )
    axes.set_xlabel(LABELS["reconstruction"], color=INK)
    axes.set_ylabel(score_name(score), color=INK)
    every = [setting for settings in drawn.values() for setting in settings]
    axes.set_xlim(*limits(every, "reconstruction", last=True))
    axes.set_ylim(*limits(every, score, last=True))
    axes.grid(linewidth=0.5, alpha=0.25)
    add_legend(axes)
    skipped = ", ".join(model_name(model) for model, settings in models.items() if not settings)
    add_note(figure, rows, f"; skipped: {skipped}" if skipped else "")
    return figure


def has_both(setting: Setting, score: str) -> bool:
    """Whether a setting has a score and the reconstruction error."""
    return bool(setting.steps(score) and setting.steps("reconstruction"))
