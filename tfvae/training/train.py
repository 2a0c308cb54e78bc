"""Runs an experiment in a folder, and resumes it after an interruption."""

import os
import signal
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfvae.data import as_image_data, load
from tfvae.data.batches import batches
from tfvae.data.images import ImageData
from tfvae.data.labelled import labelled
from tfvae.experiment import Experiment
from tfvae.files.atomic import leftovers, written_whole
from tfvae.files.lock import locked
from tfvae.models.averages import swapped_together
from tfvae.models.base import Model
from tfvae.models.build import build_model, completed
from tfvae.replicas import all_workers_needed, is_chief, of_all_workers
from tfvae.training.checkpoints import Checkpoints
from tfvae.training.checks import check_data, check_replicas, check_step, check_workdir
from tfvae.training.events import forget_after
from tfvae.training.interruption import Terminated, requests_noted
from tfvae.training.journal import StopIfNotFinite, StopOnRequest, journal
from tfvae.training.progress import progress_shown
from tfvae.training.resident import execute_together, on_device, trained_by_index
from tfvae.training.schedules import ScheduleWeights
from tfvae.training.start import start


@all_workers_needed()
def train(
    experiment: Experiment,
    workdir: str | os.PathLike,
    strategy: tf.distribute.Strategy | None = None,
    *,
    data: ImageData | np.ndarray | None = None,
    resident: bool = False,
    progress: bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    start_from: Model | None = None,
) -> Model:
    """Trains until the experiment's number of steps, from the last checkpoint in workdir if there is one.

    A run that was interrupted and started again ends with the weights of one that was not. `workdir` gets
    experiment.json with every default filled in, checkpoints/, logs/ (TensorBoard) and, at the end, model.keras.
    SIGTERM and Ctrl-C finish the current step and save a checkpoint; several workers stop together, after the next log
    entry. A log entry is written once, however often the run was killed; one that SIGTERM or Ctrl-C interrupts becomes
    two.

    Args:
        experiment: what to run.
        workdir: a folder; new, empty, or that of the same experiment (whose `steps` may have grown).
        strategy: where to run; by default on one device. With several workers, all see the same workdir.
        data: images to train on, instead of those that the experiment names: image data (`tfvae.data`), or an array
            [N, H, W, C], uint8 or float in [0, 1].
        resident: whether the device works by itself from one log entry to the next: all images lie in its memory (see
            `training.resident`), and the steps of an entry are one call of TensorFlow, after which SIGTERM and Ctrl-C
            are handled. It takes one device, and changes nothing that a step computes, except that schedules
            (`ScheduleWeights`) change weights at log entries alone.
        progress: whether to show the progress on stderr: a bar on a terminal, otherwise a line for each log entry.
        callbacks: further callbacks of Keras, such as `ScheduleWeights` and those of `tfvae.looks`; all but
            `ScheduleWeights` are called only in the process that writes files. `fit` starts again after an
            interruption, and for steps that do not fill an epoch; the step at which it starts is in the callbacks'
            `params["first_step"]`.
        start_from: a model of the same networks, whose weights the first step starts with, such as
            `tfvae.loading.load_to_train` gives. If its discriminator is not trained, it is fitted to the codes first
            (`training.start.fit_discriminator`). The state of optimizers is new. A run with checkpoints ignores it.

    Returns:
        The trained model, compiled.

    Raises:
        ValueError: when the experiment does not fit the model, the data or the replicas.
        FileExistsError: when workdir holds something else.
        BlockingIOError: when another process trains in workdir.
        OSError: when a checkpoint or model.keras cannot be written, or no checkpoint that is there can be read.
        ConnectionError: when another worker has ended, half a minute later at most. The last checkpoint stays.
        FloatingPointError: when a logged value or a weight is not finite. The last checkpoint stays, and neither a
            checkpoint nor model.keras is written with such weights.
        Terminated: after SIGTERM, when the checkpoint is saved. After Ctrl-C, it is KeyboardInterrupt.

    Examples:
        >>> images = np.random.default_rng(0).random([16, 16, 16, 1], np.float32)
        >>> experiment = tfvae.Experiment("vae", latent_dim=2, batch_size=8, steps=1, log_every=1, checkpoint_every=1)
        >>> model = tfvae.train(experiment, "runs/vae", data=images, progress=False)
        >>> model.predict(images, verbose=0)["mean"].shape
        (16, 2)
    """
    experiment, workdir = completed(experiment), Path(workdir)
    strategy = strategy or tf.distribute.get_strategy()
    chief = is_chief(strategy)
    check_workdir(workdir, experiment)  # before the data are read, which may take minutes
    images = load(experiment.data) if data is None else as_image_data(data)
    check_data(experiment, images)
    with strategy.scope():
        model = build_model(experiment, images.image_shape)
        check_replicas(experiment, model, strategy, resident)
        _supervise(model, experiment, images)
        read = on_device(images) if resident else None
        checkpoints = Checkpoints(model, workdir / "checkpoints")
    # Only now, when no mistake can follow. Building a model brings all workers to this line together.
    with locked(workdir) if chief else nullcontext():
        with strategy.scope():
            step = checkpoints.restore()
        if step == 0:
            start(model, start_from, images, experiment, strategy)
        check_step(step, experiment, workdir, strategy)
        if chief:
            _prepare(workdir, experiment, checkpoints, step)
        with (
            requests_noted() as requests,
            progress_shown(experiment.steps, step, wanted=progress and chief) as shown,
            trained_by_index(model, read) if read else nullcontext(),
        ):
            stop = StopOnRequest(requests, strategy)
            # Each process sets its own weights, before they are logged.
            scheduled = [each for each in callbacks if isinstance(each, ScheduleWeights)]
            others = [each for each in callbacks if each not in scheduled]
            written = [*journal(experiment, workdir, checkpoints, stop, shown), *others] if chief else ()
            called = [*scheduled, StopIfNotFinite(checkpoints), stop, *written]
            while step < experiment.steps and not stop.stopping:
                dataset = _distributed_batches(
                    experiment, images, strategy, step, as_indices=resident, paired=model.paired
                )
                _fit(model, experiment, dataset, step, resident, called)
                step = stop.step
        if step < experiment.steps:
            message = f"Stopped after step {step}, which is saved. The same command resumes from it."
            raise KeyboardInterrupt(message) if requests.received == signal.SIGINT else Terminated(message)
        if chief:
            checkpoints.check_finite(step)
            whole = (
                f"The checkpoint {checkpoints.latest} is whole: when that is fixed, the same command resumes from it"
            )
            with written_whole(workdir / "model.keras", then=whole) as beside:
                model.save(beside)
        # A scheduler does not restart a worker that succeeded, so none ends before model.keras is written.
        of_all_workers(strategy, experiment.steps)
    return model


def _supervise(model: Model, experiment: Experiment, data: ImageData) -> None:
    if experiment.supervision:
        values = dict(experiment.supervision)
        model.supervise(*labelled(data, values.pop("labels"), seed=experiment.seed), **values)


def _prepare(workdir: Path, experiment: Experiment, checkpoints: Checkpoints, step: int) -> None:
    """Removes what a killed process left half written or logged after `step`, and saves the experiment."""
    for file in (*leftovers(workdir / "experiment.json"), *leftovers(workdir / "model.keras")):
        file.unlink()
    experiment.save(workdir / "experiment.json")
    checkpoints.remove_unfinished()
    forget_after(workdir / "logs", step)


def _fit(
    model: Model,
    experiment: Experiment,
    dataset: tf.data.Dataset,
    step: int,
    resident: bool,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains from `step` to the end in epochs of one log entry each, or to the next multiple of `log_every`."""
    left = experiment.steps - step
    length = min(experiment.log_every - step % experiment.log_every, left)
    epochs = left // length if length == experiment.log_every else 1
    if resident:
        execute_together(model, length)
    callbacks = swapped_together(list(callbacks), model)
    params = {"epochs": epochs, "steps": length, "verbose": 0, "first_step": step}
    model.fit(
        dataset,
        epochs=epochs,
        steps_per_epoch=length,
        shuffle=False,
        verbose=0,
        callbacks=keras.callbacks.CallbackList(callbacks, add_history=True, model=model, **params),
    )


def _distributed_batches(
    experiment: Experiment,
    data: ImageData,
    strategy: tf.distribute.Strategy,
    start: int,
    *,
    as_indices: bool,
    paired: bool,
) -> tf.data.Dataset:
    size = experiment.batch_size

    def rows(shard: int, num_shards: int) -> tf.data.Dataset:
        part = {"shard": shard, "num_shards": num_shards}
        return batches(data, size, seed=experiment.seed, start=start, as_indices=as_indices, paired=paired, **part)

    if strategy.num_replicas_in_sync == 1:
        return rows(0, 1)
    return strategy.distribute_datasets_from_function(
        lambda worker: rows(worker.input_pipeline_id, worker.num_input_pipelines).rebatch(
            size // worker.num_replicas_in_sync
        )
    )
