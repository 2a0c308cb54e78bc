"""How a metric depends on its parameters (Kim & Mnih, 2018, Figures 16 and 17)."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from tfvae.analysis.sensitivity import Sensitivity
from tfvae.plots.axes import add_legend, colors, new_axes

_NAMES = {
    "pairs": "pairs a point (L)",
    "batch": "images a vote (L)",
    "iterations": "iterations of Adagrad",
    "votes": "votes",
}


def plot_sensitivity(analyses: Sequence[Sensitivity]) -> Figure:
    """Draws a chart for each analysis: mean score, and bars of one standard deviation over seeds.

    Each value of the first parameter is a line; the second is the horizontal axis. All charts share one vertical axis.

    Examples:
        >>> from tfvae.analysis.sensitivity import sensitivity
        >>> from tfvae.plots.sensitivity import plot_sensitivity
        >>> data = tfvae.data.load("dsprites")
        >>> codes = tfvae.codes.Codes(tfvae.zoo.load_encoder("vae-dsprites"), data)
        >>> figure = plot_sensitivity([sensitivity(codes, "factor_vae", {"batch": [2, 4], "votes": [10, 20]}, seeds=2)])
    """
    figure, axes = new_axes(1, len(analyses), width=3.9, height=2.8)
    lowest = min(float((each.mean - each.standard_deviation).min()) for each in analyses)
    for chart, analysis in zip(axes, analyses, strict=True):
        curve, along = analysis.names
        places = range(len(analysis.values[1]))
        for row, (value, color) in enumerate(zip(analysis.values[0], colors(len(analysis.values[0])), strict=True)):
            # Slightly shifted, so that bars do not hide each other.
            shift = 0.06 * (row - (len(analysis.values[0]) - 1) / 2)
            chart.errorbar(
                [place + shift for place in places],
                analysis.mean[row],
                analysis.standard_deviation[row],
                color=color,
                linewidth=1.2,
                elinewidth=1,
                capsize=2,
                marker="o",
                markersize=3,
                label=f"{value:,}" if isinstance(value, int) else str(value),
            )
        chart.set_xticks(
            list(places), [f"{value:,}" if isinstance(value, int) else value for value in analysis.values[1]]
        )
        chart.set_xlabel(_NAMES.get(along, along))
        chart.set_ylabel(f"{analysis.metric} score")
        chart.set_ylim(max(0.0, lowest - 0.03), 1.02)
        chart.grid(axis="y", linewidth=0.5, alpha=0.25)
        add_legend(chart, title=_NAMES.get(curve, curve), title_fontsize=8, ncols=2)
    return figure
