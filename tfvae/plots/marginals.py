"""The marginals of the aggregate posterior, with the prior's density (Kim & Mnih, 2018, Figure 40)."""

import numpy as np
from matplotlib.figure import Figure

from tfvae.analysis.aggregate_posterior import Marginals
from tfvae.codes.latents import INFORMATION
from tfvae.plots.axes import COLORS, new_axes, set_title
from tfvae.plots.tiles import FAINT, INK


def plot_marginals(marginals: Marginals, *, columns: int = 5) -> Figure:
    """Draws a histogram of q(z_j) for each latent, by descending information, under its density and the prior's.

    Args:
        marginals: from `tfvae.analysis.aggregate_posterior`.
        columns: int, charts in a row.

    Examples:
        >>> from tfvae.analysis.aggregate_posterior import marginals
        >>> from tfvae.plots.marginals import plot_marginals
        >>> data = tfvae.data.load("dsprites")
        >>> codes = tfvae.codes.Codes(tfvae.zoo.load_encoder("vae-dsprites"), data)
        >>> figure = plot_marginals(marginals(codes, np.random.default_rng(0), images=20))
    """
    latents = np.argsort(-marginals.information, kind="stable")
    columns = min(columns, len(latents))
    rows = -(-len(latents) // columns)
    figure, axes = new_axes(rows, columns, width=1.9, height=1.6)
    centres = (marginals.edges[1:] + marginals.edges[:-1]) / 2
    half = marginals.edges[-1]
    for place, (chart, latent) in enumerate(zip(axes, latents, strict=False)):
        chart.bar(
            centres, marginals.histogram[latent], np.diff(marginals.edges), color=COLORS[0], alpha=0.35, linewidth=0
        )
        (density,) = chart.plot(marginals.grid, marginals.density[latent], color=COLORS[0], linewidth=1.1)
        (prior,) = chart.plot(marginals.grid, marginals.prior, color=COLORS[1], linewidth=1.1)
        carried = marginals.information[latent]
        set_title(chart, f"z{latent}   {carried:.2f} nats", color=INK if carried > INFORMATION else FAINT)
        chart.set_xlim(-half, half)
        chart.set_ylim(0, 1.08 * max(marginals.histogram[latent].max(), marginals.density[latent].max(), 0.4))
        chart.set_yticks([])
        chart.spines["left"].set_visible(False)
        if place == 0:
            handles = [density, prior]
    for chart in axes[len(latents) :]:
        chart.set_visible(False)
    figure.legend(
        handles,
        ["q(z$_j$)", "prior N(0, 1)"],
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    return figure
