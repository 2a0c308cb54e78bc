"""Trained models, by whatever name they have: a run's folder, a .keras file, a SavedModel, an entry of the zoo."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae import data, zoo
from tfvae.experiment import Experiment
from tfvae.export import load_saved_model
from tfvae.models.base import Model
from tfvae.models.build import build_model
from tfvae.training.checkpoints import Checkpoints

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A trained model, or of an exported one its encoder.

    Args:
        represent: float32 images [B, H, W, C] in [0, 1] -> {"mean": [B, D], "log_variance": [B, D]}.
        image_shape: (H, W, C).
        model: the Keras model; None for a SavedModel, which has the encoder alone.
        experiment: what it ran; None where there is no experiment.json beside it.
        steps: how many it was trained for; None where that is not known.
    """

    represent: Callable[..., Any]
    image_shape: tuple[int, int, int]
    model: Model | None = None
    experiment: Experiment | None = None
    steps: int | None = None

    def load_data(self, name: str | None = None) -> Any:
        """Loads a data set by name, by default the one that the model was trained on.

        Raises:
            ValueError: without a name, when there is no experiment beside the model; else as `tfvae.data.load`.
        """
        if name is None and self.experiment is None:
            raise ValueError("Expected a data set (--data): there is no experiment beside the model that would name it")
        return data.load(name or self.experiment.data)  # type: ignore[union-attr]


def load_trained(source: str | os.PathLike) -> Trained:
    """Loads a trained model.

    Args:
        source: a folder that `training.train` fills, a file .keras, a SavedModel's folder, or a name of the zoo. Of a
            training that has not ended, the last checkpoint is taken, and a warning logged.

    Raises:
        FileNotFoundError: when it is none of these.
        ValueError: when the file or folder holds something else.
        OSError: as `load_progress`.
    """
    path = Path(source)
    if (path / "model.keras").exists():
        trained = _load_keras(path / "model.keras")
        # A training that goes on leaves its older model.keras where it is until it ends again.
        if max(Checkpoints.steps_in(path / "checkpoints"), default=0) <= (trained.steps or 0):
            return trained
    if (path / "experiment.json").exists():
        experiment = Experiment.load(path / "experiment.json")
        trained = load_progress(path, data.load(experiment.data).image_shape)
        steps = trained.steps, experiment.steps
        _LOG.warning("The training in %s has not ended: this is its step %d of %d", path, *steps)
        return trained
    if path.suffix == ".keras":
        return _load_keras(path)
    if path.is_dir():
        encoder = load_saved_model(path)
        return Trained(encoder, encoder.image_shape)
    if str(source) in zoo.names():
        encoder, experiment = zoo.load_encoder(str(source)), zoo.load_experiment(str(source))
        steps = zoo.load_scores(str(source))["release"]["steps"]["trained"]
        return Trained(encoder, encoder.image_shape, experiment=experiment, steps=steps)
    raise FileNotFoundError(
        f"Expected a run's folder, a .keras file, a SavedModel's folder, or a name of the zoo out of {zoo.names()}. "
        f"Received: {source}"
    )


def load_progress(workdir: str | os.PathLike, image_shape: tuple[int, int, int]) -> Trained:
    """Loads the model of a run as far as it has come: the training may be going on, or have been stopped.

    Args:
        workdir: a folder that `training.train` fills.
        image_shape: (H, W, C), of the data that it trains on.

    Returns:
        The model at the last checkpoint. model.keras is taken where there are no checkpoints: it may be older, of a run
        that went on.

    Raises:
        FileNotFoundError: when there is neither.
        OSError: when no checkpoint is whole.
    """
    workdir = Path(workdir)
    if Checkpoints.steps_in(workdir / "checkpoints"):
        experiment = Experiment.load(workdir / "experiment.json")
        model = build_model(experiment, image_shape)
        return _trained(model, experiment, Checkpoints(model, workdir / "checkpoints").restore())
    if not (workdir / "model.keras").exists():
        raise FileNotFoundError(f"Expected a run with checkpoints or model.keras. There is neither in {workdir}")
    return _load_keras(workdir / "model.keras")


def _load_keras(path: Path) -> Trained:
    if not path.exists():
        raise FileNotFoundError(f"Expected a Keras model. There is none at {path}")
    model = keras.models.load_model(path)
    if not isinstance(model, Model):
        raise ValueError(f"Expected a model of tfvae. Received: a {type(model).__name__} in {path}")
    beside = path.parent / "experiment.json"
    experiment = Experiment.load(beside) if beside.exists() else None
    return _trained(model, experiment, None if model.optimizer is None else int(model.optimizer.iterations))


def _trained(model: Model, experiment: Experiment | None, steps: int | None) -> Trained:
    signature = tf.TensorSpec((None, *model.image_shape), tf.float32)
    return Trained(tf.function(model.call, input_signature=[signature]), model.image_shape, model, experiment, steps)
