"""The part of a page with the curves over training."""

import os

from tfvae.analysis.training_curves import read_scalars
from tfvae.plots.axes import svg
from tfvae.plots.curves import plot_curves
from tfvae.report.contents import Contents

_TITLE = "Curves over training"
_TAGS = (
    "total_correlation",
    "true_total_correlation",
    "discriminator_accuracy",
    "reconstruction",
    "kl",
    "mutual_information",
    "accuracy_on_real",
    "accuracy_on_fake",
)
_DISCRIMINATOR = (
    " (Figures 7 and 37 of the paper). The estimate of TC is the discriminator's, which tends to underestimate it."
)


def add_curves(contents: Contents, logs: str | os.PathLike | None) -> None:
    """Adds the curves in a folder of event files."""
    if logs is None:
        contents.skip("curves over training", "there is no folder logs/ beside the model")
        return
    try:
        curves = read_scalars(logs)
    except FileNotFoundError:
        contents.skip("curves over training", f"there are no event files in {logs}")
        return
    tags = [tag for tag in _TAGS if tag in curves]
    if not tags:
        contents.skip("curves over training", f"the event files in {logs} have none of {', '.join(_TAGS)}")
        return
    contents.figures.append(
        {
            "id": "curves",
            "title": _TITLE,
            "svg": svg(plot_curves({"run": [curves]}, tags), "curves"),
            "caption": "Each point is the mean over the steps since the last log entry"
            + (_DISCRIMINATOR if "discriminator_accuracy" in tags else "."),
        }
    )
