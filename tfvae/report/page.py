"""One page about a trained model: scores, figures, and sliders that move its latents."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfvae.codes import Codes
from tfvae.data.shapes import noun
from tfvae.loading import Trained
from tfvae.report.bound import add_bound
from tfvae.report.contents import Contents, Subject
from tfvae.report.curves import add_curves
from tfvae.report.densities import add_densities
from tfvae.report.facts import facts
from tfvae.report.html import write_html
from tfvae.report.images import add_neighbours, add_samples, add_traversals
from tfvae.report.scores import add_scores
from tfvae.report.sensitivity import add_sensitivity
from tfvae.report.sliders import add_sliders


def write_report(
    trained: Trained,
    data: Any,
    path: str | os.PathLike,
    *,
    title: str = "Model",
    logs: str | os.PathLike | None = None,
    quick: bool = False,
    seed: int = 0,
    overwrite: bool = False,
    report: Callable[[str], Any] = lambda text: None,
) -> None:
    """Writes an HTML page that needs no other file: scores, figures, and sliders that run the decoder.

    What the model or the data do not allow is listed at the top of the page with the reason. An exported encoder, for
    example, has no samples, and images without known factors have no MIG.

    Args:
        trained: a model, from `tfvae.loading`.
        data: images (`tfvae.data`). The metrics that need factors are skipped where fewer than two are known.
        path: the file to write.
        title: what the page calls the model.
        logs: a folder with TensorBoard's event files, for the curves over training.
        quick: whether to measure with few draws, which takes minutes on a laptop. Otherwise all images are encoded,
            and the bound of log p(x) has the paper's 5,000 particles.
        seed: int >= 0, decides all draws.
        overwrite: whether to replace an existing page.
        report: is called with a line of text before each part.

    Raises:
        FileExistsError: if the file exists and `overwrite` is False.
        ValueError: if the data do not fit the model.

    Examples:
        >>> from tfvae.loading import Trained
        >>> from tfvae.report.page import write_report
        >>> model = tfvae.create("vae", (16, 16, 1), latent_dim=2)
        >>> data = tfvae.data.as_image_data(np.random.default_rng(0).random([32, 16, 16, 1], np.float32))
        >>> write_report(Trained(model.predict_on_batch, model.image_shape, model), data, "report.html", quick=True)
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"Expected a new file, or overwrite=True (--overwrite). Received: {path}, which exists")
    if tuple(data.image_shape) != tuple(trained.image_shape):
        raise ValueError(
            f"Expected {noun(trained.image_shape)} {trained.image_shape}, the model's. Received: {data.image_shape}"
        )
    capabilities = trained.capabilities()
    subject = Subject(trained, capabilities, Codes(capabilities, data), quick, seed)
    contents = Contents(title, facts(trained, data))

    report("Scores")
    add_scores(contents, subject)
    report("Total correlation and marginals")
    found = add_densities(contents, subject)
    report("Images")
    add_sliders(contents, subject, found)
    add_traversals(contents, subject)
    add_neighbours(contents, subject)
    add_samples(contents, subject)
    report("Bound of log p(x)")
    add_bound(contents, subject)
    report("Curves over training, and sensitivity of the metrics")
    add_curves(contents, logs)
    add_sensitivity(contents, subject)
    write_html(contents, subject, path)
