"""The time of a training step at the paper's sizes, compared with PyTorch and with the peak of the machine."""

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.experiment import Experiment
from tfvae.files.markdown import Table
from tfvae.models.base import Model
from tfvae.models.build import build_model, completed
from tools.benchmark.flops import forward_flops
from tools.benchmark.timing import alternate, matrix_peak, threads
from tools.benchmark.torch_peer import FORMS, torch_step

SHAPE = (64, 64, 1)
_PRECISIONS = ("float32", "mixed_bfloat16")
# The paper's 64 images a step: FactorVAE's step needs two batches of as many.
PAPER = {
    "vae": completed(Experiment("vae")),
    "factor_vae": completed(Experiment("factor_vae")),
}


def step_table(quick: bool, *, torch: str | None = None) -> Table:
    """A step of the plain VAE and of FactorVAE in two precisions, and encoding, on images that are in memory.

    Args:
        quick: tiny sizes.
        torch: a Python that has torch, whose steps of the same work take turns with ours; not for `quick`.
    """
    experiments = {name: tiny(each) for name, each in PAPER.items()} if quick else PAPER
    encoded = 4 if quick else 512
    calls, work, sizes = dict[str, Callable[[], Any]](), dict[str, int](), dict[str, int]()
    for name, each in experiments.items():
        for precision in _PRECISIONS:
            model = build_model(dataclasses.replace(each, precision=precision), SHAPE)
            row = _row(name, precision)
            calls[row], work[row], sizes[row] = step(model, each), step_flops(model, each), each.batch_size
    model = build_model(experiments["vae"], SHAPE)
    calls["encoding"], sizes["encoding"] = encoding(model, encoded), encoded
    work["encoding"] = encoded * forward_flops(model.encoder)
    notes = [f"Work is counted in products of weights, forward and backward, with {threads()} thread(s)."]
    ours = dict[str, str]()
    with ExitStack() as stack:
        if torch and not quick:
            for name, each in experiments.items():
                for form, precision in FORMS.items():
                    row = f"{name} step, PyTorch {form}"
                    process = torch_step(torch, name, each.batch_size, threads(), form)
                    version, calls[row] = stack.enter_context(process)
                    ours[row] = _row(name, precision)
            notes.append(
                f"PyTorch {version}: the same networks, losses and optimizers (tools/benchmark/torch_step.py): plain; "
                "best, with channels_last and a fused Adam; that compiled; and that in autocast's bfloat16."
            )
        else:
            notes.append("PyTorch was left out: --torch=PYTHON names a Python that has it.")
        timings = alternate(calls, repeats=2 if quick else 20, settle=not quick)
    peak = matrix_peak(256 if quick else 2048, of_core=True)
    notes.append(f"A product of two large float32 matrices reaches {peak:.0f} GFLOP per second of CPU time.")
    rows = []
    for name, timing in timings.items():
        own = ours.get(name, name)
        rate = 1e-9 * work[own] / timing.cpu
        # The work of a GPU takes no CPU time.
        share = None if tf.config.list_physical_devices("GPU") else f"{rate / peak:.0%}"
        figures = [name, sizes[own], 1e-9 * work[own], *(1e3 * t for t in (timing.median, timing.minimum, timing.cpu))]
        of_peer = (timing.median / timings[own].median, timing.cpu / timings[own].cpu)
        rows.append([*figures, share, *(of_peer if name in ours else (None, None))])
    columns = ["work", "images", "GFLOP", "median ms", "minimum ms", "CPU ms", "of the peak"]
    title = "Training step and encoding, networks of Table 1, images 64x64x1"
    return Table(title, [*columns, "times ours, median", "times ours, CPU"], rows, notes)


def _row(model: str, precision: str) -> str:
    return f"{model} step" + {"float32": "", "mixed_bfloat16": ", bfloat16"}[precision]


def tiny(experiment: Experiment) -> Experiment:
    """The experiment with a small batch and discriminator, to see that a table is made."""
    return dataclasses.replace(experiment, batch_size=4, discriminator={"depth": 1, "units": 8})


def step(model: Model, experiment: Experiment) -> Callable[[], Any]:
    """A function that does one training step on the same random black and white images each time."""
    images = images_of(experiment.batch_size, (2, *model.image_shape) if model.paired else model.image_shape)
    compiled = tf.function(model.train_step, jit_compile=experiment.jit_compile or None, autograph=False)
    return lambda: compiled(images)


def encoding(model: Model, batch: int) -> Callable[[], Any]:
    """A function that encodes the same random black and white images each time."""
    images = images_of(batch, model.image_shape)
    return tf.function(lambda: model(images), autograph=False)


def images_of(size: int, shape: tuple[int, ...]) -> tf.Tensor:
    """Random black and white images, float32 [size, H, W, C]."""
    return tf.constant(np.random.default_rng(0).random((size, *shape), np.float32) > 0.8, tf.float32)


def step_flops(model: Model, experiment: Experiment) -> int:
    """Floating point operations of the products with weights in one step of a VAE or a FactorVAE."""
    encoder, decoder = forward_flops(model.encoder), forward_flops(model.decoder)
    # Forward, back to the inputs, back to the weights. (The first layer does not go back to the images: a small part.)
    autoencoder = 3 * (encoder + decoder)
    if "discriminator" not in model.networks:
        return experiment.batch_size * autoencoder
    # D(z) forward, and back to z for the one loss; D(z') forward; back to the weights through both for the other.
    discriminator = 2 + 1 + 2 * 2
    pair = autoencoder + encoder + discriminator * forward_flops(model.discriminator)
    return experiment.batch_size // 2 * pair
