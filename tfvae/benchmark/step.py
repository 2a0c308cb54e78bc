"""How long training steps take at the paper's sizes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.benchmark.table import Table
from tfvae.benchmark.timing import alternate, matrix_peak
from tfvae.experiment import Experiment
from tfvae.models.base import Model
from tfvae.training import build_model

# The paper's 64 images a step: FactorVAE's step needs two batches of as many.
PAPER = {
    "vae": Experiment(model="vae", parameters={}, optimizers={}, batch_size=64),
    "factor_vae": Experiment(),
}


def step_table(quick: bool) -> Table:
    """A step of the plain VAE and of FactorVAE, on images that are there already."""
    experiments = {name: tiny(experiment) for name, experiment in PAPER.items()} if quick else PAPER
    steps = {name: step(build_model(experiment, (64, 64, 1)), experiment) for name, experiment in experiments.items()}
    timings = alternate(steps, repeats=2 if quick else 30)
    peak = matrix_peak(256 if quick else 2048)
    rows = [
        [name, experiments[name].batch_size, 1e3 * timing.median, 1e3 * timing.minimum, 1e3 * timing.cpu]
        for name, timing in timings.items()
    ]
    return Table(
        "Training step, networks of Table 1, images 64x64x1",
        ["model", "images a step", "median ms", "minimum ms", "CPU ms"],
        rows,
        [f"A product of two large float32 matrices reaches {peak:.0f} GFLOP/s here."],
    )


def tiny(experiment: Experiment) -> Experiment:
    """The experiment with a small batch and discriminator, to see that a table is made."""
    return Experiment.from_dict(vars(experiment) | {"batch_size": 4, "discriminator": {"depth": 1, "units": 8}})


def step(model: Model, experiment: Experiment) -> Callable[[], Any]:
    """A function that does one training step on the same random black and white images each time."""
    size = experiment.batch_size
    images = np.random.default_rng(0).random((size, *model.image_shape), np.float32) > 0.8
    batch = tf.constant(images, tf.float32)
    compiled = tf.function(model.train_step, jit_compile=experiment.jit_compile or None)
    return lambda: compiled(batch)
