"""What a step of each model takes beside the plain VAE's."""

import gc
from collections.abc import Callable
from typing import Any

from tfvae.benchmark.step import SHAPE, step, tiny
from tfvae.benchmark.table import Table
from tfvae.benchmark.timing import alternate
from tfvae.experiment import Experiment
from tfvae.models import MODELS
from tfvae.training import build_model

_GAN_TABLE = "table_5"  # that for 2D Shapes


def models_table(quick: bool) -> Table:
    """A step of each of `MODELS` (of one, for `quick`), in turns with the plain VAE's on as many images."""
    plain: dict[int, Callable[[], Any]] = {}  # the VAE's step, traced once for a number of images
    rows = []
    for name in ["beta_vae"] if quick else MODELS:
        experiment = _experiment(name, quick)
        model = build_model(experiment, SHAPE)
        # A model that takes several batches a step takes as many of 64 images.
        size = (2 if quick else 64) * model.batch_multiple
        if size not in plain:
            plain[size] = step(build_model(_experiment("vae", quick), SHAPE), size)
        timings = alternate(
            {"vae": plain[size], "model": step(model, size)}, repeats=1 if quick else 15, warmup=1 if quick else 3
        )
        ours, vae = timings["model"], timings["vae"]
        ratios = ours.median / vae.median, ours.cpu / vae.cpu
        rows.append([name, size, 1e3 * ours.median, 1e3 * ours.minimum, 1e3 * ours.cpu, *ratios])
        # Fifteen models need not be in memory together.
        del model
        gc.collect()
    columns = ["model", "images", "median ms", "minimum ms", "CPU ms", "median / VAE's", "CPU / VAE's"]
    notes = ["The VAE's step is on as many images: 64 for each of the batches that a model takes a step."]
    return Table("Training step of each model, images 64x64x1", columns, rows, notes)


def _experiment(name: str, quick: bool) -> Experiment:
    architecture = "table_1" if "table_1" in MODELS[name].architectures else _GAN_TABLE
    paper = Experiment(model=name, parameters={}, optimizers={}, architecture=architecture)
    return tiny(paper) if quick else paper
