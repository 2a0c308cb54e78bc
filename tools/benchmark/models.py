"""The cost of a training step of each model, compared with the plain VAE's."""

import dataclasses

import numpy as np

from tfvae.experiment import Experiment
from tfvae.files.markdown import Table
from tfvae.models import MODELS
from tfvae.models.build import build_model
from tools.benchmark.step import step, tiny
from tools.benchmark.timing import alternate

_BATCH = 64
_SHAPE = (64, 64, 1)


def models_table(quick: bool) -> Table:
    """A step of every model, or if quick of two, in turns: on 2D Shapes, with the paper's networks for them."""
    steps, images = {}, {}
    for name in ("vae", "info_gan") if quick else MODELS:
        experiment = paper_sizes(name)
        if quick:
            experiment = tiny(experiment)
        model = build_model(experiment, _SHAPE)
        # FactorVAE needs two batches for a step, InfoWGAN-GP one for each step of its critic.
        images[name] = experiment.batch_size * model.batch_multiple
        steps[name] = step(model, dataclasses.replace(experiment, batch_size=images[name]))
    timings = alternate(steps, repeats=2 if quick else 20)
    plain = timings["vae"].seconds
    rows = [
        [name, images[name], 1e3 * timing.median, 1e3 * timing.minimum, float(np.median(timing.seconds / plain))]
        for name, timing in timings.items()
    ]
    return Table(
        f"Training step of each model, batch {experiment.batch_size}, images 64x64x1",
        ["model", "images a step", "median ms", "minimum ms", "times a VAE's"],
        rows,
        [
            "Networks of Table 1, D = 10; GANs: Table 5. The last column is the median over turns of the step's time "
            "divided by that of the VAE's step in the same turn."
        ],
    )


def paper_sizes(name: str) -> Experiment:
    """An experiment of a model on 2D Shapes, with the paper's networks and batch, and the model's own defaults."""
    if MODELS[name].decoding_network == "generator":
        sizes = {"architecture": "table_5", "latent_dim": 4, "parameters": {"categories": 3, "noise_dim": 5}}
        return Experiment.from_dict(
            {"model": name, "optimizers": {}, "batch_size": _BATCH, "discriminator": {}, **sizes}
        )
    return Experiment.from_dict({"model": name, "optimizers": {}, "batch_size": _BATCH, "parameters": {}})
