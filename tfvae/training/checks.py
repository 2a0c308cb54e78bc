"""Mistakes that a run names before anything is written."""

import logging
from pathlib import Path

import tensorflow as tf

from tfvae.data.images import ImageData
from tfvae.experiment import Experiment
from tfvae.files.atomic import leftovers
from tfvae.files.lock import NAME as LOCK
from tfvae.models.base import Model
from tfvae.models.build import completed
from tfvae.models.registry import MODELS
from tfvae.replicas import of_all_workers
from tfvae.training.checkpoints import Checkpoints

_LOG = logging.getLogger(__name__)


def check_data(experiment: Experiment, data: ImageData) -> None:
    """Raises ValueError when there are fewer images than a batch has, or the model takes pairs and there are none."""
    if experiment.batch_size > len(data):
        size = experiment.batch_size
        raise ValueError(
            f"Expected a batch of at most the {len(data)} images. Received: batch_size={size}; an experiment may have "
            "a smaller one, as by --set=batch_size=... of tfvae train"
        )
    takes_pairs = MODELS[experiment.model].paired
    if takes_pairs and data.pairing is None:
        raise ValueError(
            f"Expected data of pairs for {experiment.model}, such as 'dsprites?pairs=1', "
            f"'folder:PATH?pairs=consecutive' or tfvae.data.paired(data, 'random'). Received: {data.name!r}"
        )
    if data.pairing is not None and not takes_pairs:
        _LOG.warning("%s learns from single images: it has no use for the pairs of %s", experiment.model, data.name)


def check_workdir(workdir: Path, experiment: Experiment) -> None:
    """Raises FileExistsError unless a folder is new, empty, or that of the same experiment, which is complete."""
    path = workdir / "experiment.json"
    if path.exists():
        there = _recorded(path)
        if there is None:
            return
        if differing := experiment.differences(there):
            changes = ", ".join(
                f"{key}={getattr(there, key)!r} (now {getattr(experiment, key)!r})" for key in differing
            )
            raise FileExistsError(f"{workdir} belongs to another experiment, with {changes}. Choose another folder")
    elif workdir.is_file() or (workdir.is_dir() and set(workdir.iterdir()) - {workdir / LOCK, *leftovers(path)}):
        raise FileExistsError(f"Expected a new or empty folder, or one of this experiment. Received: {workdir}")


def _recorded(path: Path) -> Experiment | None:
    """The experiment of a run; None, with a warning, if it is damaged and nothing was trained yet."""
    try:
        return completed(Experiment.load(path))
    except ValueError as error:
        if Checkpoints.steps_in(path.parent / "checkpoints") or (path.parent / "model.keras").exists():
            raise ValueError(
                f"{error}. Put the experiment that this run was started with there, or choose another folder"
            ) from None
        _LOG.warning("%s. It is written again, as nothing was trained yet", error)
        return None


def check_replicas(experiment: Experiment, model: Model, strategy: tf.distribute.Strategy, resident: bool) -> None:
    """Raises ValueError when the replicas cannot share a batch, or cannot hold the images."""
    replicas = strategy.num_replicas_in_sync
    if resident and replicas > 1:
        raise ValueError(f"Expected one device to hold all images (resident). Received: {replicas} replicas")
    if experiment.batch_size % (multiple := model.batch_multiple * replicas):
        raise ValueError(
            f"Expected a batch size that is a multiple of {multiple} for {experiment.model} on {replicas} device(s). "
            f"Received: batch_size={experiment.batch_size}"
        )


def check_step(step: int, experiment: Experiment, workdir: Path, strategy: tf.distribute.Strategy) -> None:
    """Raises ValueError when the run cannot resume from the checkpoint of `step`."""
    if step > experiment.steps:
        raise ValueError(f"{workdir} has {step} steps already. Received: steps={experiment.steps}")
    if len(set(steps := of_all_workers(strategy, step))) > 1:
        raise ValueError(
            f"Expected all workers to see the same folder. Received: workdir={workdir}, in which the last checkpoints "
            f"that they found are of steps {steps}"
        )
