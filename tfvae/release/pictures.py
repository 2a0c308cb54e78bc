"""The pictures of an entry: traversals, and samples from the prior."""

from pathlib import Path
from typing import Any

import numpy as np

from tfvae.codes import Capabilities
from tfvae.plots.figures import save_figure
from tfvae.plots.samples import plot_samples
from tfvae.plots.traversals import draw_traversals


def draw(exported: Capabilities, data: Any, folder: Path, seed: int) -> None:
    """Writes the pictures that the model can draw: none without a decoder, no samples without a prior.

    Args:
        exported: the exported encoder, with the decoder.
        data: images, as `tfvae.data.load` gives them.
        folder: of the entry.
        seed: int >= 0, decides the images that are traversed and the draws.
    """
    if exported.decode is None:
        return
    for name in ("traversals.png", "traversals.gif"):
        draw_traversals(folder / name, exported, data, seed=seed)
    if exported.prior_draws is not None:
        samples = np.asarray(exported.decode(*exported.prior_draws(100, seed)))
        save_figure(plot_samples(samples, columns=10), folder / "samples.png")
