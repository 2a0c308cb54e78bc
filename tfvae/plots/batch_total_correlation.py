"""Histograms of a batch estimate's densities (Kim & Mnih, 2018, Figure 18)."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from tfvae.analysis.batch_total_correlation import BatchEstimate
from tfvae.plots.axes import COLORS, new_axes, set_title
from tfvae.plots.tiles import INK


def plot_batch_total_correlation(estimates: Mapping[str, BatchEstimate], *, bins: int = 50) -> Figure:
    """Draws log qhat(z) above sum_j log qhat(z_j), a column for each estimate, with the TC estimate as its title.

    Args:
        estimates: label of a column, such as "beta 4" -> `tfvae.analysis.batch_total_correlation`.
        bins: int, bins of each histogram. The two of a column have one axis, so that they can be compared;
            the first bin holds all values below the lowest half percent.

    Examples:
        >>> from tfvae.analysis.batch_total_correlation import batch_total_correlation
        >>> from tfvae.plots.batch_total_correlation import plot_batch_total_correlation
        >>> data = tfvae.data.load("dsprites")
        >>> codes = tfvae.codes.Codes(tfvae.zoo.load_encoder("vae-dsprites"), data)
        >>> estimate = batch_total_correlation(codes, np.random.default_rng(0), batch=16, samples=8)
        >>> figure = plot_batch_total_correlation({"VAE": estimate})
    """
    figure, axes = new_axes(2, len(estimates), width=3.4, height=1.9)
    for column, (label, estimate) in enumerate(estimates.items()):
        both = np.concatenate([estimate.log_q, estimate.log_product])
        # The tail of log qhat(z) extends over hundreds of nats: the first bin holds its last half percent.
        low = min(np.quantile(part, 0.005) for part in (estimate.log_q, estimate.log_product))
        edges = np.linspace(low, both.max(), bins + 1).tolist()
        parts = (("log q(z)", estimate.log_q), ("sum of log q(z$_j$)", estimate.log_product))
        for row, (name, values) in enumerate(parts):
            chart = axes[row * len(estimates) + column]
            chart.hist(np.maximum(values, low), edges, color=COLORS[row], alpha=0.85, linewidth=0)
            chart.axvline(values.mean(), color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            chart.set_yticks([])
            chart.spines["left"].set_visible(False)
            chart.set_xlabel(f"{name}, nats (mean {values.mean():.1f})")
        set_title(axes[column], f"{label}: TC $\\approx$ {estimate.total_correlation:.2f} nats")
    return figure
