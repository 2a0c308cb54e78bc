"""The facts at the top of a page: the data, the model and its training."""

from typing import Any

from tfvae.data.factor_table import described, summary
from tfvae.data.shapes import noun
from tfvae.loading import Trained


def facts(trained: Trained, data: Any) -> list[tuple[str, Any]]:
    """Names and values; the training's are known where the model has an experiment."""
    images = ("data", f"{data.name}, {len(data):,} {noun(data.image_shape)} {'x'.join(map(str, data.image_shape))}")
    factors = [] if data.factors is None else [("factors", summary(described(data.factors)))]
    experiment = trained.experiment
    if experiment is None:
        return [images, *factors]
    parameters = ", ".join(f"{name} {value}" for name, value in experiment.parameters.items() if value is not None)
    steps = experiment.steps if trained.steps is None else trained.steps
    planned = "" if steps == experiment.steps else f", of {experiment.steps:,} planned"
    batch = f"{experiment.batch_size} {noun(data.image_shape)}"
    return [
        images,
        *factors,
        ("model", f"{experiment.model}{f' ({parameters})' if parameters else ''}"),
        ("latents", experiment.latent_dim),
        (
            "training",
            f"{steps:,} steps of {batch}{planned}, seed {experiment.seed}",
        ),
    ]
