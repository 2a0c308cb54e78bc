"""Runs an experiment in a folder, and goes on with it after an interruption."""

import dataclasses
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from tfvae.atomic import written_whole
from tfvae.callbacks import AtSteps
from tfvae.data import load
from tfvae.data.batches import ImageSource, batches
from tfvae.distribute import is_chief, num_replicas
from tfvae.experiment import Experiment
from tfvae.models import MODELS
from tfvae.models.base import Model

# What may differ when a run goes on: it does not change what a step computes.
_MAY_CHANGE = ("steps", "log_every", "checkpoint_every")


def train(
    experiment: Experiment,
    workdir: str | os.PathLike,
    strategy: tf.distribute.Strategy | None = None,
    *,
    data: ImageSource | None = None,
    progress: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Model:
    """Trains until the experiment's number of steps, from the last checkpoint in workdir if there is one.

    A run that was interrupted and started again ends with the weights of one that was not. `workdir` gets
    experiment.json, checkpoints/, logs/ (TensorBoard) and, at the end, model.keras.

    Args:
        experiment: what to run.
        workdir: a folder; new, empty, or that of the same experiment (whose `steps` may have grown).
        strategy: where to run; by default on one device. With several workers, all see the same workdir.
        data: images to train on, instead of those that the experiment names.
        progress: whether to show a progress bar.
        callbacks: further callbacks of Keras, such as those of `tfvae.callbacks`; called in the process that writes
            files alone. `fit` begins anew after an interruption, and for steps that fill no epoch.

    Returns:
        The trained model, compiled.

    Raises:
        ValueError: when the experiment does not fit the model, the data or the replicas.
        FileExistsError: when workdir holds something else.
        FloatingPointError: when a logged value is not finite. The last checkpoint stays.
    """
    workdir = Path(workdir)
    strategy = strategy or tf.distribute.get_strategy()
    chief = is_chief(strategy)
    if data is None:
        data = load(experiment.data)
    if experiment.batch_size > len(data):
        size = experiment.batch_size
        raise ValueError(f"Expected a batch of at most the {len(data)} images. Received: batch_size={size}")
    _check_workdir(workdir, experiment)
    with strategy.scope():
        model = build_model(experiment, data.images(np.zeros(1, np.int64)).shape[1:])
        _check_batch(experiment, model.batch_multiple * strategy.num_replicas_in_sync)
        checkpoints = _checkpoints(model, workdir)
        restored = checkpoints.restore_or_initialize()
    # Not the optimizer's count, which leaves out the steps whose gradients overflow in float16.
    step = int(restored.rpartition("-")[2]) if restored else 0
    if step > experiment.steps:
        raise ValueError(f"{workdir} has {step} steps already. Received: steps={experiment.steps}")
    if chief:
        # Only now, when there can be no more mistakes. Building a model brings all workers to this line together.
        experiment.save(workdir / "experiment.json")
        _remove_unfinished(checkpoints)
    with tqdm(total=experiment.steps, initial=step, unit="step", disable=not (progress and chief)) as bar:
        journal = _Journal(experiment, workdir, checkpoints, bar, chief, step)
        for callback in callbacks:
            if isinstance(callback, AtSteps):
                callback.step = step
        while journal.step < experiment.steps:
            # One epoch is what is logged together, up to a multiple of log_every or to the end.
            left = experiment.steps - journal.step
            length = min(experiment.log_every - journal.step % experiment.log_every, left)
            model.fit(
                _distributed_batches(experiment, data, strategy, journal.step),
                epochs=left // length if length == experiment.log_every else 1,
                steps_per_epoch=length,
                shuffle=False,
                verbose=0,
                callbacks=[journal, *(callbacks if chief else ())],
            )
    if chief:
        with written_whole(workdir / "model.keras") as beside:
            model.save(beside)
    return model


def build_model(experiment: Experiment, image_shape: tuple[int, int, int]) -> Model:
    """The experiment's model with new weights, compiled.

    Raises:
        ValueError: for an unknown name, or parameters or optimizers that the model does not take.
    """
    if experiment.model not in MODELS:
        raise ValueError(f"Expected model to be one of {sorted(MODELS)}. Received: {experiment.model!r}")
    cls = MODELS[experiment.model]
    if unknown := sorted(set(experiment.optimizers) - set(cls.optimizers)):
        raise ValueError(f"Expected optimizers out of {sorted(cls.optimizers)} for {cls.__name__}. Received: {unknown}")
    try:
        parts = cls.build_networks(experiment, image_shape)
        optimizers = {name: keras.optimizers.Adam(**arguments) for name, arguments in experiment.optimizers.items()}
        model = cls(**parts, **experiment.parameters, seed=experiment.seed, dtype=experiment.precision)
        model.compile(**optimizers, jit_compile=experiment.jit_compile)
    except TypeError as error:
        raise ValueError(
            f"{cls.__name__} does not take these. Received: parameters={dict(experiment.parameters)}, "
            f"discriminator={dict(experiment.discriminator)}, optimizers={sorted(experiment.optimizers)}: {error}"
        ) from error
    return model


def checkpoint_of(model: Model) -> tf.train.Checkpoint:
    """What a checkpoint of a run holds: networks, optimizers and the model's own variables."""
    # Not the model as a whole: its metrics start anew in each epoch, and on many replicas cannot be read everywhere.
    tracked = {name: getattr(model, name) for name in (*model.networks, *model.optimizers)}
    tracked |= {f"own_{place}": variable for place, variable in enumerate(model.own_variables)}
    return tf.train.Checkpoint(**tracked)


class _Journal(keras.callbacks.Callback):
    """At the end of each epoch: TensorBoard scalars, a check for NaN, and checkpoints when they are due."""

    def __init__(
        self,
        experiment: Experiment,
        workdir: Path,
        checkpoints: tf.train.CheckpointManager,
        bar: tqdm,
        chief: bool,
        step: int,
    ) -> None:
        super().__init__()
        self.experiment = experiment
        self.checkpoints = checkpoints
        self.bar = bar
        self.chief = chief
        self.writer = tf.summary.create_file_writer(str(workdir / "logs")) if chief else tf.summary.create_noop_writer()
        self.step = step

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        before, step = self.step, self.step + self.params["steps"]
        self.step = step
        logs = {name: float(value) for name, value in (logs or {}).items()}
        for name, value in logs.items():
            if not math.isfinite(value):
                last = self.checkpoints.latest_checkpoint
                raise FloatingPointError(
                    f"Training stopped between steps {before} and {step}: {name} is {value}. Try a smaller "
                    f"learning rate in a new folder. Last good checkpoint: {last or 'none'}"
                )
        self.bar.set_postfix({name: f"{value:.4g}" for name, value in logs.items()}, refresh=False)
        with self.writer.as_default():
            for name, value in logs.items():
                tf.summary.scalar(name, value, step=step)
        due = step % self.experiment.checkpoint_every == 0 or step == self.experiment.steps
        if due and self.chief:
            self.writer.flush()
            self._save(step)

    def _save(self, step: int) -> None:
        last = self.checkpoints.latest_checkpoint
        try:
            self.checkpoints.save(checkpoint_number=step)
        except tf.errors.OpError as error:
            _remove_unfinished(self.checkpoints)
            raise OSError(
                f"The checkpoint of step {step} could not be written to {self.checkpoints.directory}: {error.message}. "
                f"When that is mended, the same command goes on from the last one: {last or 'none, it starts again'}"
            ) from error


def _check_batch(experiment: Experiment, multiple: int) -> None:
    if experiment.batch_size % multiple:
        raise ValueError(
            f"Expected a batch size that is a multiple of {multiple} for {experiment.model} on "
            f"{num_replicas()} device(s). Received: batch_size={experiment.batch_size}"
        )


def _check_workdir(workdir: Path, experiment: Experiment) -> None:
    """Checks that a workdir is new, or the same experiment's."""
    path = workdir / "experiment.json"
    if path.exists():
        there, here = dataclasses.asdict(Experiment.load(path)), dataclasses.asdict(experiment)
        differing = [key for key in here if key not in _MAY_CHANGE and here[key] != there[key]]
        if differing:
            changes = ", ".join(f"{key}={there[key]!r} (now {here[key]!r})" for key in differing)
            raise FileExistsError(f"{workdir} belongs to another experiment, with {changes}. Choose another folder")
    elif workdir.is_file() or (workdir.is_dir() and any(workdir.iterdir())):
        raise FileExistsError(f"Expected a new or empty folder, or one of this experiment. {workdir} is neither")


def _checkpoints(model: Model, workdir: Path) -> tf.train.CheckpointManager:
    checkpoint = checkpoint_of(model)
    return tf.train.CheckpointManager(checkpoint, str(workdir / "checkpoints"), max_to_keep=2, checkpoint_name="step")


def _remove_unfinished(checkpoints: tf.train.CheckpointManager) -> None:
    """Removes what TensorFlow leaves when it is killed, or the disk is full, while it writes a checkpoint."""
    for folder in Path(checkpoints.directory).glob("step-*_temp"):
        shutil.rmtree(folder, ignore_errors=True)


def _distributed_batches(
    experiment: Experiment, data: ImageSource, strategy: tf.distribute.Strategy, start: int
) -> tf.data.Dataset:
    size = experiment.batch_size

    def rows(shard: int, num_shards: int) -> tf.data.Dataset:
        return batches(data, size, seed=experiment.seed, start=start, shard=shard, num_shards=num_shards)

    if strategy.num_replicas_in_sync == 1:
        return rows(0, 1)
    return strategy.distribute_datasets_from_function(
        lambda worker: rows(worker.input_pipeline_id, worker.num_input_pipelines).rebatch(
            size // worker.num_replicas_in_sync
        )
    )
