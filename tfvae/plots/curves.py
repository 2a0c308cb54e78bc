"""Curves over training: the estimate of TC and the discriminator's accuracy (Kim & Mnih, 2018, Figures 7 and 37)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from tfvae.plots.axes import add_legend, colors, new_axes, set_title

Curve = tuple[np.ndarray, np.ndarray]  # steps [T] and values [T]

LABELS = {
    "total_correlation": "estimate of TC (nats)",
    "discriminator_accuracy": "discriminator's accuracy",
    "discriminator_loss": "discriminator's loss (nats)",
    "true_total_correlation": "true TC (nats)",
    "true_total_correlation_at_10_percent": "true TC at 10% (nats)",
    "true_total_correlation_at_20_percent": "true TC at 20% (nats)",
    "reconstruction": "reconstruction error (nats)",
    "kl": "KL (nats)",
    "mutual_information": "mutual information (nats)",
    "accuracy_on_real": "discriminator's accuracy on data",
    "accuracy_on_fake": "discriminator's accuracy on samples",
    "loss": "loss (nats)",
}
_BOUNDS = {"discriminator_accuracy": (0.45, 1.0)}  # at least; curves that go further widen them


def plot_curves(runs: Mapping[str, Sequence[Mapping[str, Curve]]], tags: Sequence[str]) -> Figure:
    """Draws one chart for each tag, with one line for each setting.

    The runs of a setting differ in their seeds. They are drawn as their mean, with a band of one standard deviation,
    over the steps that all of them have.

    Args:
        runs: label of a setting, such as "gamma 35" -> the curves of each of its runs by tag, see
            `tfvae.analysis.training_curves.read_scalars`.
        tags: which to draw.

    Raises:
        ValueError: if no run has one of the tags.

    Examples:
        >>> from tfvae.plots.curves import plot_curves
        >>> steps = np.array([100, 200, 300])
        >>> seeds = [{"kl": (steps, np.array([5.0, 9.0, 11.0]))}, {"kl": (steps, np.array([6.0, 9.0, 12.0]))}]
        >>> figure = plot_curves({"gamma 35": seeds}, ["kl"])
    """
    columns = 2 if len(tags) == 4 else min(len(tags), 3)
    rows = -(-len(tags) // columns)
    figure, axes = new_axes(rows, columns)
    for place, tag in enumerate(tags):
        chart, found = axes[place], False
        for (label, several), color in zip(runs.items(), colors(len(runs)), strict=True):
            curves = [run[tag] for run in several if tag in run]
            if not curves:
                continue
            found = True
            steps = curves[0][0]
            for other, _ in curves[1:]:
                steps = np.intersect1d(steps, other)
            values = np.stack([value[np.isin(step, steps)] for step, value in curves])
            chart.plot(steps, values.mean(axis=0), color=color, linewidth=1.2, label=label)
            if len(curves) > 1:
                spread = values.std(axis=0, ddof=1)
                low, high = values.mean(axis=0) - spread, values.mean(axis=0) + spread
                chart.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
        if not found:
            raise ValueError(f"Expected a run with the curve {tag!r}. Received: {sorted({*_tags(runs)})}")
        set_title(chart, LABELS.get(tag, tag))
        chart.set_xlabel("training steps")
        chart.xaxis.set_major_formatter(EngFormatter(sep=""))
        chart.grid(axis="y", linewidth=0.5, alpha=0.25)
        if tag in _BOUNDS:
            low, high = chart.dataLim.intervaly
            chart.set_ylim(min(_BOUNDS[tag][0], low - 0.02), max(_BOUNDS[tag][1], high))
    for chart in axes[len(tags) :]:
        chart.set_visible(False)
    if len(runs) > 1:
        lines = {line.get_label(): line for chart in axes for line in chart.lines}
        add_legend(figure, handles=[*lines.values()], loc="outside lower center", ncols=min(len(runs), 4))
    return figure


def _tags(runs: Mapping[str, Sequence[Mapping[str, Curve]]]) -> list[str]:
    return [tag for several in runs.values() for run in several for tag in run]
