"""Runs an experiment in a folder, and goes on with it after an interruption."""

import math
import os
import signal
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from tfvae.data import load
from tfvae.data.batches import ImageSource, batches
from tfvae.experiment import Experiment
from tfvae.files.atomic import leftovers, written_whole
from tfvae.files.lock import NAME as LOCK
from tfvae.files.lock import locked
from tfvae.models.base import Model
from tfvae.models.build import build_model, completed
from tfvae.replicas import all_workers_needed, is_chief, is_multi_worker, num_replicas, of_all_workers
from tfvae.training.checkpoints import Checkpoints
from tfvae.training.events import forget_after
from tfvae.training.interruption import Requests, Terminated, requests_noted
from tfvae.training.looks import AtSteps
from tfvae.training.resident import resident as on_device


@all_workers_needed()
def train(
    experiment: Experiment,
    workdir: str | os.PathLike,
    strategy: tf.distribute.Strategy | None = None,
    *,
    data: ImageSource | None = None,
    resident: bool = False,
    progress: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Model:
    """Trains until the experiment's number of steps, from the last checkpoint in workdir if there is one.

    A run that was interrupted and started again ends with the weights of one that was not. `workdir` gets
    experiment.json, checkpoints/, logs/ (TensorBoard) and, at the end, model.keras. SIGTERM and Ctrl-C end the step
    that is being done and save a checkpoint; several workers stop together, after the next log entry. A log entry is
    written once, however often the run was killed; the one that SIGTERM or Ctrl-C falls into becomes two.

    Args:
        experiment: what to run.
        workdir: a folder; new, empty, or that of the same experiment (whose `steps` may have grown).
        strategy: where to run; by default on one device. With several workers, all see the same workdir.
        data: images to train on, instead of those that the experiment names.
        resident: whether the device works by itself from one log entry to the next: all images lie in its memory (see
            `training.resident`), and the steps of an entry are one call of TensorFlow, after which SIGTERM and Ctrl-C
            are heard. On one device alone. It changes nothing that a step computes.
        progress: whether to show a progress bar.
        callbacks: further callbacks of Keras, such as those of `tfvae.looks`; called in the process that writes
            files alone. `fit` begins anew after an interruption, and for steps that fill no epoch.

    Returns:
        The trained model, compiled.

    Raises:
        ValueError: when the experiment does not fit the model, the data or the replicas.
        FileExistsError: when workdir holds something else.
        BlockingIOError: when another process trains in workdir.
        OSError: when a checkpoint cannot be written, or none of those that are there can be read.
        ConnectionError: when another worker has ended, half a minute later at most. The last checkpoint stays.
        FloatingPointError: when a logged value is not finite. The last checkpoint stays.
        Terminated: after SIGTERM, when the checkpoint is saved. After Ctrl-C, it is KeyboardInterrupt.
    """
    experiment, workdir = completed(experiment), Path(workdir)
    strategy = strategy or tf.distribute.get_strategy()
    chief = is_chief(strategy)
    if data is None:
        data = load(experiment.data)
    if experiment.batch_size > len(data):
        size = experiment.batch_size
        raise ValueError(f"Expected a batch of at most the {len(data)} images. Received: batch_size={size}")
    if resident and strategy.num_replicas_in_sync > 1:
        raise ValueError(
            f"Expected one device to hold all images (resident). Received: {strategy.num_replicas_in_sync} replicas"
        )
    _check_workdir(workdir, experiment)
    with strategy.scope():
        model = build_model(experiment, data.images(np.zeros(1, np.int64)).shape[1:])
        _check_batch(experiment, model.batch_multiple * strategy.num_replicas_in_sync)
        if resident:
            model.images_by_index = on_device(data)
        checkpoints = Checkpoints(model, workdir / "checkpoints")
    # Only now, when there can be no more mistakes. Building a model brings all workers to this line together.
    with locked(workdir) if chief else nullcontext():
        with strategy.scope():
            step = checkpoints.restore()
        _check_step(step, experiment, workdir, strategy)
        if chief:
            for file in (*leftovers(workdir / "experiment.json"), *leftovers(workdir / "model.keras")):
                file.unlink()
            experiment.save(workdir / "experiment.json")
            checkpoints.remove_unfinished()
            forget_after(workdir / "logs", step)
        with (
            requests_noted() as requests,
            tqdm(total=experiment.steps, initial=step, unit="step", disable=not (progress and chief)) as bar,
        ):
            journal = _Journal(experiment, workdir, checkpoints, bar, strategy, step, requests)
            for callback in callbacks:
                if isinstance(callback, AtSteps):
                    callback.step = step
            while journal.step < experiment.steps and not journal.stopping:
                # One epoch is what is logged together, up to a multiple of log_every or to the end.
                left = experiment.steps - journal.step
                length = min(experiment.log_every - journal.step % experiment.log_every, left)
                if resident and model.steps_per_execution != length:
                    model.steps_per_execution, model.train_function = length, None
                model.fit(
                    _distributed_batches(experiment, data, strategy, journal.step, resident),
                    epochs=left // length if length == experiment.log_every else 1,
                    steps_per_epoch=length,
                    shuffle=False,
                    verbose=0,
                    callbacks=[journal, *(callbacks if chief else ())],
                )
        if resident:
            # The trained model is one as any other.
            model.images_by_index, model.steps_per_execution, model.train_function = None, 1, None
        if journal.step < experiment.steps:
            message = f"Stopped after step {journal.step}, which is saved. The same command goes on from it."
            raise KeyboardInterrupt(message) if requests.received == signal.SIGINT else Terminated(message)
        if chief:
            with written_whole(workdir / "model.keras") as beside:
                model.save(beside)
        # A scheduler does not start a worker again that has ended well: none does before model.keras is there.
        of_all_workers(strategy, experiment.steps)
    return model


class _Journal(keras.callbacks.Callback):
    """At the end of each epoch: TensorBoard scalars, a check for NaN, and checkpoints when they are due."""

    def __init__(
        self,
        experiment: Experiment,
        workdir: Path,
        checkpoints: Checkpoints,
        bar: tqdm,
        strategy: tf.distribute.Strategy,
        step: int,
        requests: Requests,
    ) -> None:
        super().__init__()
        self.experiment = experiment
        self.checkpoints = checkpoints
        self.bar = bar
        self.strategy = strategy
        self.chief = is_chief(strategy)
        self.logs = workdir / "logs"
        self.writer = tf.summary.create_file_writer(str(self.logs)) if self.chief else tf.summary.create_noop_writer()
        self.step = step
        self.requests = requests
        self.stopping = False
        self._steps_of_epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._steps_of_epoch = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        # With several steps in a call of TensorFlow, this is called after the last of them.
        before, self._steps_of_epoch = self._steps_of_epoch, batch + 1
        self.bar.update(self._steps_of_epoch - before)
        # Many workers have to stop after the same step, on which they agree at the end of an epoch.
        if self.requests.received and not is_multi_worker(self.strategy):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        before, step = self.step, self.step + self._steps_of_epoch
        self.step = step
        logs = {name: float(value) for name, value in (logs or {}).items()}
        for name, value in logs.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"Training stopped between steps {before} and {step}: {name} is {value}. Try a smaller learning "
                    f"rate in a new folder. Last good checkpoint: {self.checkpoints.latest or 'none'}"
                )
        self.bar.set_postfix({name: f"{value:.4g}" for name, value in logs.items()}, refresh=False)
        self.stopping = any(of_all_workers(self.strategy, bool(self.requests.received)))
        self.model.stop_training |= self.stopping
        due = self.stopping or step % self.experiment.checkpoint_every == 0 or step == self.experiment.steps
        if self.chief:
            self._write_logs(logs, flush=due)
            if due:
                self.checkpoints.save(step)

    def _write_logs(self, logs: dict[str, float], flush: bool) -> None:
        try:
            with self.writer.as_default():
                for name, value in logs.items():
                    tf.summary.scalar(name, value, step=self.step)
            if flush:
                self.writer.flush()
        except tf.errors.OpError as error:
            raise OSError(
                f"The log of step {self.step} could not be written to {self.logs}: {error.message}"
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
        there = completed(Experiment.load(path))
        if differing := experiment.differences(there):
            changes = ", ".join(
                f"{key}={getattr(there, key)!r} (now {getattr(experiment, key)!r})" for key in differing
            )
            raise FileExistsError(f"{workdir} belongs to another experiment, with {changes}. Choose another folder")
    elif workdir.is_file() or (workdir.is_dir() and set(workdir.iterdir()) - {workdir / LOCK, *leftovers(path)}):
        raise FileExistsError(f"Expected a new or empty folder, or one of this experiment. {workdir} is neither")


def _check_step(step: int, experiment: Experiment, workdir: Path, strategy: tf.distribute.Strategy) -> None:
    """Checks that the checkpoint of `step` can be gone on from."""
    if step > experiment.steps:
        raise ValueError(f"{workdir} has {step} steps already. Received: steps={experiment.steps}")
    if len(set(steps := of_all_workers(strategy, step))) > 1:
        raise ValueError(
            f"Expected all workers to see the same folder. Received: workdir={workdir}, in which the last checkpoints "
            f"that they found are of steps {steps}"
        )


def _distributed_batches(
    experiment: Experiment, data: ImageSource, strategy: tf.distribute.Strategy, start: int, resident: bool
) -> tf.data.Dataset:
    size = experiment.batch_size

    def rows(shard: int, num_shards: int) -> tf.data.Dataset:
        places = {"shard": shard, "num_shards": num_shards}
        return batches(data, size, seed=experiment.seed, start=start, as_indices=resident, **places)

    if strategy.num_replicas_in_sync == 1:
        return rows(0, 1)
    return strategy.distribute_datasets_from_function(
        lambda worker: rows(worker.input_pipeline_id, worker.num_input_pipelines).rebatch(
            size // worker.num_replicas_in_sync
        )
    )
