"""Trainings so small that starting the process takes most of the time."""

from pathlib import Path
from typing import Any

import numpy as np

from tfvae.models.registry import MODELS

# Kills leave time for twenty of them.
_EXPERIMENT = {"batch_size": 4, "steps": 400, "log_every": 2, "checkpoint_every": 10, "latent_dim": 3}


def small_experiment(model: str, folder: Path) -> dict[str, Any]:
    """An experiment of a model by its name, on data that is written into a folder."""
    experiment = {**_EXPERIMENT, "model": model, "data": blobs(folder / "blobs.npz") + _pairs(model)}
    if MODELS[model].discriminator_sizes:
        experiment["discriminator"] = {"depth": 2, "units": 50}
    return experiment


def paper_experiment(model: str) -> dict[str, Any]:
    """An experiment of a model by its name, with the model's own values, on dSprites."""
    return {"model": model, "data": "dsprites" + _pairs(model)}


def blobs(path: Path) -> str:
    """The name of data with factors: a square of 2 sizes at 6 x 6 places."""
    factors = np.stack(np.meshgrid(range(2), range(6), range(6), indexing="ij"), axis=-1).reshape(-1, 3)
    y, x = np.mgrid[:16, :16]
    size, *places = (factors[:, k, np.newaxis, np.newaxis] for k in range(3))
    inside = (abs(y - 3 - 2 * places[0]) < 2 + size) & (abs(x - 3 - 2 * places[1]) < 2 + size)
    np.savez_compressed(path, images=inside[..., np.newaxis], factors=factors)
    return f"npz:{path}"


def _pairs(model: str) -> str:
    return "?pairs=1" if MODELS[model].paired else ""
