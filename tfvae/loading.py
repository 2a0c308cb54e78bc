"""Loads trained models: a run's folder, a .keras file, a preset, a SavedModel, or an entry of the zoo."""

import dataclasses
import logging
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from tfvae import data, zoo
from tfvae.codes.capabilities import Capabilities, capabilities_of
from tfvae.experiment import Experiment
from tfvae.export import SavedDecoder, SavedEncoder, load_decoder, load_saved_model
from tfvae.export.provenance import read_provenance
from tfvae.files.preset import is_preset, read_preset
from tfvae.models import MODELS
from tfvae.models.base import Model
from tfvae.models.build import build_model
from tfvae.training.checkpoints import Checkpoints

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A trained model: a Keras model, or an exported encoder with its decoder where there is one.

    Args:
        represent: float32 images [B, H, W, C] in [0, 1] -> {"mean": [B, D], "log_variance": [B, D]}.
        image_shape: (H, W, C), or (F,) of vectors.
        model: the Keras model; None for an export.
        experiment: what was run; None without an experiment.json.
        steps: how many it was trained for; None if that is not known.
        exported: the folder of the encoder's SavedModel; None for a Keras model.
        decoder: the exported decoder; None for a Keras model, and for an encoder without one.
        traversal_range: of an export, see `Capabilities`; a Keras model has its own.

    Examples:
        >>> from tfvae.loading import load
        >>> trained = load("vae-dsprites")
        >>> trained.steps, trained.model is None, trained.decoder is None
        (50000, True, False)
        >>> trained.represent(np.zeros([3, 64, 64, 1], np.float32))["mean"].shape
        TensorShape([3, 10])
    """

    represent: Callable[..., Any]
    image_shape: tuple[int, ...]
    model: Model | None = None
    experiment: Experiment | None = None
    steps: int | None = None
    exported: Path | None = None
    decoder: SavedDecoder | None = None
    traversal_range: float | None = Capabilities.traversal_range

    def capabilities(self) -> Capabilities:
        """What the model can do. An export has no likelihood and no draws from the prior."""
        if self.model is not None:
            return dataclasses.replace(self.model.capabilities(), represent=self.represent)
        return dataclasses.replace(
            capabilities_of(self.represent),
            image_shape=self.image_shape,
            decode=self.decoder,
            traversal_range=self.traversal_range,
        )

    def source_of(self, what: str) -> Model | Path | None:
        """What an "encoder" or "decoder" is exported from: the model, or the folder of its SavedModel; None without."""
        if self.model is not None:
            return None if what == "decoder" and self.model.decode is None else self.model
        if what == "encoder":
            return self.exported
        return None if self.decoder is None else self.decoder.path

    def load_data(self, name: str | None = None) -> Any:
        """Loads a data set by name, by default the one that the model was trained on.

        Raises:
            ValueError: without a name, when it is not known what the model was trained on; else as `tfvae.data.load`.
        """
        if name is None and self.experiment is None:
            raise ValueError("Expected a data set (--data): the model has no experiment.json that names one")
        return data.load(name or self.experiment.data)  # type: ignore[union-attr]


def load(source: str | os.PathLike) -> Trained:
    """Loads a trained model.

    Args:
        source: a run's folder, as `training.train` writes it; a .keras file; the folder of a preset
            (`tfvae.from_preset`); the folder of an exported encoder, whose decoder is <name>-decoder/<version> next to
            <name>/<version>, if it exists; or a name in the zoo. The latest checkpoint of an unfinished run is used,
            and a warning is logged.

    Raises:
        FileNotFoundError: when it is none of these.
        ValueError: when the file or folder holds something else, or an export is not as its manifest describes it.
        OSError: as `load_checkpointed`.

    Examples:
        >>> from tfvae.loading import load
        >>> trained = load("factor_vae-dsprites")
        >>> trained.experiment.model, trained.image_shape
        ('factor_vae', (64, 64, 1))
    """
    path = Path(source)
    if (path / "model.keras").exists():
        trained = _load_keras(path / "model.keras")
        # A run that was resumed keeps its older model.keras until it ends again.
        if max(Checkpoints.steps_in(path / "checkpoints"), default=0) <= (trained.steps or 0):
            return trained
    if (path / "experiment.json").exists():
        experiment = Experiment.load(path / "experiment.json")
        trained = load_checkpointed(path, data.load(experiment.data).image_shape)
        _LOG.warning(
            "The training in %s has not ended: this is its step %d of %d", path, trained.steps, experiment.steps
        )
        return trained
    if path.suffix == ".keras":
        return _load_keras(path)
    if is_preset(path):
        model = _model_of_tfvae(read_preset(path), path)
        return _trained(model, None, _steps(model))
    if path.is_dir():
        return _exported(load_saved_model(path))
    if (name := str(source)) in zoo.names():
        steps = zoo.load_scores(name)["release"]["steps"]["trained"]
        return dataclasses.replace(_exported(zoo.load_encoder(name)), experiment=zoo.load_experiment(name), steps=steps)
    raise FileNotFoundError(
        "Expected a run's folder, a .keras file, a preset or SavedModel's folder, or a name in the zoo out of "
        f"{zoo.names()}. Received: {source}"
    )


def load_to_train(source: str | os.PathLike) -> Model:
    """Loads a Keras model to train further, compiled: `train` takes it as `start_from`.

    Args:
        source: a name in the zoo (see `tfvae.zoo.load_model`), a run's folder, a .keras file or a preset's folder.

    Raises:
        ValueError: for the folder of an export, which has no Keras model; else as `load`.
        FileNotFoundError: as `load`.
    """
    if (name := str(source)) in zoo.names() and not Path(source).exists():
        return zoo.load_model(name)
    model = load(source).model
    if model is None:
        raise ValueError(
            f"Expected a zoo entry, a run, a .keras file or a preset. Received: {source}, an exported encoder"
        )
    return model


def from_preset(source: str | os.PathLike) -> Model:
    """Loads a Keras model, compiled: ready for `predict`, `decode`, `evaluate` and `fit`.

    Args:
        source: a name in the zoo, such as "factor_vae-dsprites" (see `tfvae.zoo.load_model`); a folder that
            `model.save_to_preset` wrote; "hf://USER/NAME", which Keras downloads from the Hugging Face Hub, with the
            package huggingface_hub; a run's folder or a .keras file.

    Raises:
        FileNotFoundError: if it is none of these.
        ValueError: if it holds something else than a model of tfvae, or its files are not those of its manifest.

    Examples:
        >>> model = tfvae.from_preset("vae-dsprites")
        >>> model.save_to_preset("presets/shapes")
        >>> tfvae.from_preset("presets/shapes").predict(np.zeros([3, 64, 64, 1]), verbose=0)["mean"].shape
        (3, 10)
    """
    if str(source).startswith("hf://"):
        return _model_of_tfvae(keras.saving.load_model(str(source)), source)
    return load_to_train(source)


def load_checkpointed(workdir: str | os.PathLike, image_shape: tuple[int, ...]) -> Trained:
    """Loads the model of a run at its latest checkpoint, whether the training has ended or not.

    Args:
        workdir: a run's folder, as `training.train` writes it.
        image_shape: (H, W, C) of the data that it trains on.

    Returns:
        The model at the latest checkpoint; model.keras if there are no checkpoints.

    Raises:
        FileNotFoundError: when there is neither.
        OSError: when every checkpoint is damaged.

    Examples:
        >>> from tfvae.loading import load_checkpointed
        >>> images = np.zeros([16, 16, 16, 1], np.float32)
        >>> experiment = tfvae.Experiment("vae", latent_dim=2, batch_size=8, steps=2, log_every=1, checkpoint_every=1)
        >>> model = tfvae.train(experiment, "runs/vae", data=images, progress=False)
        >>> load_checkpointed("runs/vae", image_shape=(16, 16, 1)).steps
        2
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
    model = _model_of_tfvae(_read_keras(path), path)
    sibling = path.parent / "experiment.json"
    experiment = Experiment.load(sibling) if sibling.exists() else None
    return _trained(model, experiment, _steps(model))


def _read_keras(path: Path) -> keras.Model:
    with path.open("rb") as file:
        whole = zipfile.is_zipfile(file)
    if not whole:
        raise ValueError(f"Expected a .keras file, a zip archive. Received: {path}, which is damaged or something else")
    try:
        return keras.saving.load_model(path)
    except Exception as error:  # whatever Keras, h5py and zipfile raise for files that are damaged or of another class
        reason, unknown, _ = str(error).partition("Make sure custom classes")
        advice = ". Import the module that defines it first; commands do by --import=MODULE" if unknown else ""
        raise ValueError(
            f"Expected a .keras file that Keras can load. Received: {path}: {reason.rstrip('. ')}{advice}"
        ) from error


def _model_of_tfvae(model: keras.Model, source: str | os.PathLike) -> Model:
    if not isinstance(model, Model):
        raise ValueError(f"Expected a model of tfvae. Received: a {type(model).__name__} in {source}")
    return model


def _steps(model: Model) -> int | None:
    return None if model.optimizer is None else int(model.optimizer.iterations)


def _trained(model: Model, experiment: Experiment | None, steps: int | None) -> Trained:
    return Trained(model.capabilities().represent, model.image_shape, model, experiment, steps)


def _exported(encoder: SavedEncoder) -> Trained:
    ranges = {cls.__name__: cls.traversal_range for cls in MODELS.values()}
    return Trained(
        encoder,
        encoder.image_shape,
        exported=encoder.path,
        decoder=_decoder_of(encoder),
        traversal_range=ranges.get(read_provenance(encoder.path).get("model", ""), Capabilities.traversal_range),
    )


def _decoder_of(encoder: SavedEncoder) -> SavedDecoder | None:
    """The decoder in <name>-decoder/<version> next to an encoder's <name>/<version>, if it exists and fits."""
    path = encoder.path.absolute()
    folder = Path(f"{path.parent}-decoder", path.name)
    if not (folder / "saved_model.pb").exists():
        return None
    decoder = load_decoder(folder)
    sizes = [(each.image_shape, each.latent_dim) for each in (encoder, decoder)]
    if sizes[0] != sizes[1]:
        _LOG.warning("%s is not the decoder of %s: images and latents are %s and %s", folder, path, *sizes)
        return None
    _LOG.info("The decoder of %s is %s", path, folder)
    return decoder
