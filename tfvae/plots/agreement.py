"""How well metrics agree over runs, as heat maps."""

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from tfvae.analysis.agreement import Agreement
from tfvae.plots.axes import new_axes, set_title
from tfvae.plots.tiles import FAINT

# The ends are the colours of lines; 0 is a light grey. Dark text is legible on all of them.
_SCALE = LinearSegmentedColormap.from_list("agreement", ["#e9a48f", "#f1f1ee", "#8fb4e3"])


def plot_agreement(agreement: Agreement, *, significance: float = 0.05) -> Figure:
    """Draws the three coefficients side by side; those that are not significant (p >= significance) are faint.

    Args:
        agreement: from `tfvae.analysis.agreement`.
        significance: float, the p-value below which a coefficient is printed dark.

    Examples:
        >>> from tfvae.analysis.agreement import agreement
        >>> from tfvae.plots.agreement import plot_agreement
        >>> figure = plot_agreement(agreement({"mig": [0.1, 0.2, 0.4], "sap": [0.01, 0.03, 0.02]}))
    """
    names = [name.replace("_", " ") for name in agreement.metrics]
    side = 1.2 + 0.5 * len(names)
    figure, axes = new_axes(1, len(agreement.coefficients), width=side, height=side)
    for place, (chart, (kind, coefficients)) in enumerate(zip(axes, agreement.coefficients.items(), strict=True)):
        chart.imshow(coefficients, cmap=_SCALE, vmin=-1, vmax=1)
        for (i, j), value in ((index, coefficients[index]) for index in _places(len(names))):
            faint = i != j and agreement.p_values[kind][i, j] >= significance
            # The map is light, so that its text is dark whatever the page's colour.
            chart.text(
                j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color="#8b8b8b" if faint else "#202020"
            )
        chart.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        chart.set_yticks(range(len(names)), names if place == 0 else [])
        chart.tick_params(length=0)
        for spine in chart.spines.values():
            spine.set_visible(False)
        set_title(chart, kind.capitalize())
    figure.supxlabel(
        f"{agreement.runs} runs; grey numbers: p >= {significance:g}", fontsize=8, color=FAINT, x=0.99, ha="right"
    )
    return figure


def _places(size: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(size) for j in range(size)]
