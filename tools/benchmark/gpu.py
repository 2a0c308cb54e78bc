"""What one GPU does in about ten minutes: training in each form, a whole run to its scores, encoding and serving."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import data as datasets
from tfvae import zoo
from tfvae.codes import Codes
from tfvae.data import FactorTable, GroundTruthData
from tfvae.evaluation import evaluate
from tfvae.experiment import Experiment
from tfvae.export import export_encoder, load_saved_model
from tfvae.files.markdown import Table
from tfvae.metrics import QUICK
from tfvae.training.train import train
from tools.benchmark.step import PAPER, images_of
from tools.benchmark.timing import alternate

# How `tfvae train` runs a training, by what it is called with; the last is --one_gpu.
FORMS: dict[str, dict[str, Any]] = {
    "": {},
    "--resident": {"resident": True},
    "--resident, XLA": {"resident": True, "jit_compile": True},
    "--resident, mixed_bfloat16": {"resident": True, "precision": "mixed_bfloat16"},
    "--one_gpu": {"resident": True, "jit_compile": True, "precision": "mixed_bfloat16"},
}
RUN = "factor_vae_quick-dsprites"
METRICS = ("factor_vae", "mig")
_BATCHES = (1, 64, 512)


class EntryTimes(keras.callbacks.Callback):
    """Notes when each log entry of a training is complete: `seconds` has the time of each entry but the first two.

    The first has the tracing and compiling, and the device may not be warm before the third.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        # The logs are numbers here, so the device has done the steps.
        self._ends.append(time.perf_counter())

    @property
    def seconds(self) -> np.ndarray:
        return np.diff(self._ends)[1:]


def gpu_table(quick: bool) -> Table:
    """Training, encoding and serving on the device that TensorFlow takes, a GPU where it sees one.

    Args:
        quick: tiny sizes and two forms, to see that the table is made.
    """
    data = _tiny_data() if quick else datasets.load("dsprites")
    rows: list[Sequence[Any]] = []
    with TemporaryDirectory() as folder:
        for name in PAPER:
            for form in ("", "--one_gpu") if quick else FORMS:
                rows.append(_training(name, form, data, Path(folder) / f"{name}{len(rows)}", quick))
        rows += _whole_run(data, Path(folder), quick)
    gpus = tf.config.list_physical_devices("GPU")
    notes = [
        "Training is `tfvae.train` on all images, with log entries and checkpoints: the median time of a step over log "
        f"entries after the second. The run is {RUN}; its time includes tracing.",
        "It ran on a GPU." if gpus else "TensorFlow saw no GPU: all of it ran on the processor.",
    ]
    columns = ["work", "form", "images", "ms", "images/s", "seconds in all", "peak MB of the GPU", "scores"]
    return Table("One device, networks of Table 1", columns, rows, notes)


def _training(name: str, form: str, data: GroundTruthData, workdir: Path, quick: bool) -> Sequence[Any]:
    changes = dict(FORMS[form])
    resident = changes.pop("resident", False)
    entry = 2 if quick else 200
    experiment = dataclasses.replace(
        PAPER[name], steps=5 * entry, log_every=entry, checkpoint_every=5 * entry, **changes
    )
    times, start = EntryTimes(), time.perf_counter()
    _forget_peak()
    train(
        _tiny(experiment) if quick else experiment,
        workdir,
        data=data,
        resident=resident,
        progress=False,
        callbacks=[times],
    )
    step = float(np.median(times.seconds)) / entry
    size = 4 if quick else experiment.batch_size
    return [f"{name} step", form, size, 1e3 * step, size / step, time.perf_counter() - start, _peak(), ""]


def _whole_run(data: GroundTruthData, folder: Path, quick: bool) -> list[Sequence[Any]]:
    """A training from the start to its scores, and what serves it then."""
    changes = dict(FORMS["--one_gpu"])
    resident = changes.pop("resident")
    experiment = dataclasses.replace(zoo.load_experiment(RUN), start_from=None, **changes)
    experiment = (
        _tiny(dataclasses.replace(experiment, steps=4, log_every=2, checkpoint_every=4)) if quick else experiment
    )
    _forget_peak()
    start = time.perf_counter()
    model = train(experiment, folder / "run", data=data, resident=resident, progress=False)
    trained = time.perf_counter()
    codes = Codes(model, data)
    codes.encode_all()
    encoded = time.perf_counter()
    scores = evaluate(codes, data, metrics=METRICS, parameters=QUICK if quick else None)
    scored = time.perf_counter()
    shown = ", ".join(f"{metric} {scores[metric]['score']:.3f}" for metric in METRICS)
    work, count = f"{experiment.steps:,} steps", experiment.steps * experiment.batch_size
    rows: list[Sequence[Any]] = [
        [work, "--one_gpu", count, None, count / (trained - start), trained - start, _peak(), ""],
        ["encoding all images", "", len(data), None, len(data) / (encoded - trained), encoded - trained, _peak(), ""],
        ["scoring", "", len(data), None, None, scored - encoded, None, shown],
        ["from nothing to scores", "--one_gpu", None, None, None, scored - start, None, shown],
    ]
    export_encoder(model, folder / "encoder" / "1")
    encoder = load_saved_model(folder / "encoder" / "1")
    for batch in _BATCHES[: 1 if quick else None]:
        images = images_of(batch, data.image_shape)
        timing = alternate({"encode": partial(encoder, images)}, repeats=2 if quick else 30)["encode"]
        rows.append(
            ["encoding by the SavedModel", "", batch, 1e3 * timing.median, batch / timing.median, None, None, ""]
        )
    return rows


def _tiny(experiment: Experiment) -> Experiment:
    units = {"depth": 1, "units": 8} if experiment.model == "factor_vae" else {}
    return dataclasses.replace(experiment, batch_size=4, architecture="dense", discriminator=units)


def _tiny_data() -> GroundTruthData:
    values = np.array([(x, y) for x in range(8) for y in range(8)])
    images = (np.random.default_rng(0).random((64, 4, 4, 1)) > 0.5).astype(np.uint8)
    return GroundTruthData("tiny", FactorTable(["x", "y"], values), 255 * images)


def _forget_peak() -> None:
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.reset_memory_stats("GPU:0")


def _peak() -> float | None:
    """The most memory that tensors took on the GPU since `_forget_peak`, in MB; None without a GPU."""
    if not tf.config.list_physical_devices("GPU"):
        return None
    return 1e-6 * tf.config.experimental.get_memory_info("GPU:0")["peak"]
