"""What happens at each log entry of a run: small callbacks, each with one concern.

Their order counts. First StopIfNotFinite, so that nothing is written of a run that diverged; then StopOnRequest, in
which all workers agree on stopping; then, in the process that writes files, `journal`.
"""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae.experiment import Experiment
from tfvae.files.atomic import flush
from tfvae.files.disk import disk_errors_named
from tfvae.replicas import is_multi_worker, of_all_workers
from tfvae.training.checkpoints import Checkpoints
from tfvae.training.interruption import Requests
from tfvae.training.steps import StepCounter


def journal(
    experiment: Experiment,
    workdir: Path,
    checkpoints: Checkpoints,
    stop: "StopOnRequest",
    shown: Sequence[keras.callbacks.Callback] = (),
) -> list[keras.callbacks.Callback]:
    """What a run writes: its log, what is shown of its progress, and its checkpoints.

    A checkpoint comes last. A process that is killed, or a machine that stops, then never leaves one without the log
    entries that lead up to it, and those that follow it are removed when the run resumes (`tfvae.training.events`):
    each entry is written once.
    """
    return [LogScalars(workdir / "logs"), *shown, SaveCheckpoints(checkpoints, experiment, stop, workdir / "logs")]


class AtEntries(StepCounter):
    """Calls `on_entry` at each log entry, which is the end of an epoch."""

    def on_entry(self, step: int, values: Mapping[str, float]) -> None:
        """Does something with an entry: the values that were logged since the last one, at the step that ends it."""
        raise NotImplementedError

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.on_entry(self.step, {name: float(value) for name, value in (logs or {}).items()})


class StopIfNotFinite(AtEntries):
    """Raises FloatingPointError when a logged value, or a weight of the model, is NaN or infinite.

    Args:
        checkpoints: they check the weights; the error names the last of them.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        super().__init__()
        self.checkpoints = checkpoints

    def on_entry(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"Training stopped between steps {self.epoch_start} and {step}: {name} is {value}. Try a smaller "
                    f"learning rate in a new folder. Last good checkpoint: {self.checkpoints.latest or 'none'}"
                )
        # Each worker does, so that they stop together.
        self.checkpoints.check_finite(step)


class StopOnRequest(AtEntries):
    """Stops `fit` when the process, or that of another worker, was asked to stop.

    One process stops after the step that it is doing. Several workers have to stop after the same step, so they agree
    at the next log entry.

    Args:
        requests: what the process was asked.
        strategy: whose workers have to agree.
    """

    def __init__(self, requests: Requests, strategy: tf.distribute.Strategy) -> None:
        super().__init__()
        self.requests = requests
        self.strategy = strategy
        self.stopping = False

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        super().on_train_batch_end(batch, logs)
        if self.requests.received and not is_multi_worker(self.strategy):
            self.model.stop_training = True

    def on_entry(self, step: int, values: Mapping[str, float]) -> None:
        self.stopping = any(of_all_workers(self.strategy, bool(self.requests.received)))
        self.model.stop_training |= self.stopping


class LogScalars(AtEntries):
    """Writes each entry to an event file of TensorBoard, at once.

    Args:
        folder: where the file is created.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        super().__init__()
        self.folder = folder
        self.writer = tf.summary.create_file_writer(str(folder))

    def on_entry(self, step: int, values: Mapping[str, float]) -> None:
        try:
            with self.writer.as_default():
                for name, value in values.items():
                    tf.summary.scalar(name, value, step=step)
            self.writer.flush()
        except tf.errors.OpError as error:
            raise OSError(f"The log of step {step} could not be written to {self.folder}: {error.message}") from error


class SaveCheckpoints(AtEntries):
    """Saves a checkpoint when one is due: every `checkpoint_every` steps, after the last, and when the run stops.

    Args:
        checkpoints: where it is saved.
        experiment: decides when.
        stop: knows whether the run stops.
        logs: a folder that is on the disk before a checkpoint is saved; None for none.
    """

    def __init__(
        self, checkpoints: Checkpoints, experiment: Experiment, stop: StopOnRequest, logs: Path | None = None
    ) -> None:
        super().__init__()
        self.logs = logs
        self.checkpoints = checkpoints
        self.experiment = experiment
        self.stop = stop

    def on_entry(self, step: int, values: Mapping[str, float]) -> None:
        at_end = self.stop.stopping or step == self.experiment.steps
        if at_end or step % self.experiment.checkpoint_every == 0:
            if self.logs is not None:
                with disk_errors_named(self.logs):
                    flush(self.logs)
            self.checkpoints.save(step)
