"""The model zoo: trained models by name. It only reads; `tools.release` turns a run into an entry.

zoo/<name>/experiment.json is an experiment. With scores.json next to it and an exported encoder in
saved_models/<name>/<version>/, it is an entry. The decoder, if there is one, is in
saved_models/<name>-decoder/<version>/.
"""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfvae.experiment import Experiment
from tfvae.export.folders import versions
from tfvae.files.manifest import verify_manifest
from tfvae.files.state import read_object

if TYPE_CHECKING:
    from tfvae.export import SavedDecoder, SavedEncoder
    from tfvae.models.base import Model

_LOG = logging.getLogger(__name__)
_PACKAGE = Path(__file__).parent


def names(*, root: str | os.PathLike | None = None) -> list[str]:
    """The names of the zoo's entries, sorted.

    Args:
        root: a folder that holds zoo/ and saved_models/, such as your own; by default the library's.

    Examples:
        >>> "factor_vae-dsprites" in tfvae.zoo.names()
        True
    """
    scored = [name for name in experiments(root=root) if (_entries(root) / name / "scores.json").is_file()]
    return [name for name in scored if versions(_saved_models(root) / name)]


def experiments(*, root: str | os.PathLike | None = None) -> list[str]:
    """The names of the zoo's experiments, sorted: those of its entries and those that are not trained yet.

    Args:
        root: as in `names`.

    Examples:
        >>> "factor_vae-dsprites" in tfvae.zoo.experiments()
        True
    """
    return sorted(path.parent.name for path in _entries(root).glob("*/experiment.json"))


def load_experiment(name: str, *, root: str | os.PathLike | None = None) -> Experiment:
    """Loads one of `experiments()`: what an entry ran, or what has not been trained yet.

    Raises:
        ValueError: if there is no experiment of this name.

    Examples:
        >>> tfvae.zoo.load_experiment("factor_vae-dsprites").parameters
        {'gamma': 35.0}
    """
    known = experiments(root=root)
    if name not in known:
        raise ValueError(f"Expected the name of a zoo experiment, one of {known}. Received: name='{name}'")
    return Experiment.load(_entries(root) / name / "experiment.json")


def load_scores(name: str, *, root: str | os.PathLike | None = None) -> dict[str, Any]:
    """Loads scores.json: an entry's scores, and how it was released.

    Raises:
        ValueError: if there is no entry of this name, or the file is damaged.

    Examples:
        >>> scores = tfvae.zoo.load_scores("factor_vae-dsprites")
        >>> 0 < scores["mig"]["score"] < 1
        True
    """
    _check_name(name, root)
    return read_object(_entries(root) / name / "scores.json", "the scores of an entry")


def card(name: str, *, root: str | os.PathLike | None = None) -> str:
    """Returns the description of an entry in Markdown: card.md without its head, which machines read.

    Raises:
        ValueError: if there is no entry of this name.

    Examples:
        >>> tfvae.zoo.card("factor_vae-dsprites").splitlines()[0]
        '# factor_vae-dsprites'
    """
    _check_name(name, root)
    text = (_entries(root) / name / "card.md").read_text()
    return text.partition("\n---\n\n")[2] if text.startswith("---\n") else text


def load_encoder(name: str, version: int | None = None, *, root: str | os.PathLike | None = None) -> "SavedEncoder":
    """Loads an entry's encoder, q(z | x), as a function of images.

    Args:
        name: one of `names()`.
        version: int, by default the newest.
        root: as in `names`.

    Returns:
        A function from float images [B, H, W, C] in [0, 1] to {"mean": float32 [B, D], "log_variance": float32 [B, D]}.

    Raises:
        ValueError: if there is no such entry or version, or if its files are not those of its manifest.

    Examples:
        >>> encode = tfvae.zoo.load_encoder("factor_vae-dsprites")
        >>> encode(np.zeros([3, 64, 64, 1]))["mean"].shape
        TensorShape([3, 10])
    """
    from tfvae.export import load_saved_model  # which imports TensorFlow

    return load_saved_model(_verified(name, version, root, what="encoder"))


def load_decoder(name: str, version: int | None = None, *, root: str | os.PathLike | None = None) -> "SavedDecoder":
    """Loads an entry's decoder, the mean image of p(x | z), as a function of codes.

    Args:
        name: one of `names()`.
        version: int, by default the newest.
        root: as in `names`.

    Returns:
        A function from float codes [B, D] or, with a categorical latent, [B, D + K] to float32 images [B, H, W, C].

    Raises:
        ValueError: as `load_encoder`.

    Examples:
        >>> decode = tfvae.zoo.load_decoder("factor_vae-dsprites")
        >>> decode(np.zeros([3, 10])).shape
        TensorShape([3, 64, 64, 1])
    """
    from tfvae.export import load_decoder as load  # the same

    return load(_verified(name, version, root, what="decoder"))


def load_model(name: str, version: int | None = None, *, root: str | os.PathLike | None = None) -> "Model":
    """Builds an entry's Keras model, compiled, with the weights of its exported encoder and decoder: ready for `fit`.

    A discriminator is not part of an export. It gets new weights, and a warning is logged: before the model is trained
    further, `tfvae.training.start.fit_discriminator` fits it to the codes of the trained encoder, as `tfvae train
    --start_from` does.

    Args:
        name: one of `names()`.
        version: int, by default the newest.
        root: as in `names`.

    Raises:
        ValueError: as `load_encoder`.

    Examples:
        >>> model = tfvae.zoo.load_model("vae-dsprites")
        >>> type(model).__name__, model.predict(np.zeros([3, 64, 64, 1]), verbose=0)["mean"].shape
        ('VAE', (3, 10))
    """
    from tfvae.export.restored import restore
    from tfvae.models.build import build_model

    encoder = load_encoder(name, version, root=root)
    model = build_model(load_experiment(name, root=root), encoder.image_shape)
    restore(model, encoder.path)
    if model.decoding_network is not None:
        restore(model, _verified(name, int(encoder.path.name), root, what="decoder"))
    model.unfitted = tuple(each for each in model.networks if each not in ("encoder", model.decoding_network))
    if model.unfitted:
        _LOG.warning("The exports of %s do not hold its %s, which has new weights", name, " and ".join(model.unfitted))
    return model


def _verified(name: str, version: int | None, root: str | os.PathLike | None, *, what: str) -> Path:
    """The folder of an exported version, after its files are compared with its manifest."""
    _check_name(name, root)
    folder = _saved_models(root) / (name if what == "encoder" else f"{name}-{what}")
    found = versions(folder)
    if not found:
        raise ValueError(f"Expected an entry with an exported {what}. Received: name='{name}', without one in {folder}")
    if version is None:
        version = found[-1]
    # As text, because True and 1.0 are equal to 1 and name other folders.
    if str(version) not in map(str, found):
        raise ValueError(f"Expected a version of '{name}', one of {found}. Received: version={version}")
    verify_manifest(folder / str(version))
    return folder / str(version)


def saved_models() -> Path:
    """The folder of the zoo's exports, <name>/<version>/.

    Examples:
        >>> (tfvae.zoo.saved_models() / "factor_vae-dsprites").is_dir()
        True
    """
    return _saved_models(None)


def _check_name(name: str, root: str | os.PathLike | None) -> None:
    known = names(root=root)
    if name not in known:
        raise ValueError(f"Expected the name of a zoo entry, one of {known}. Received: name='{name}'")


def _entries(root: str | os.PathLike | None) -> Path:
    return _folder(root, packaged="zoo_entries", beside="zoo")


def _saved_models(root: str | os.PathLike | None) -> Path:
    return _folder(root, packaged="zoo_saved_models", beside="saved_models")


def _folder(root: str | os.PathLike | None, packaged: str, beside: str) -> Path:
    """The folder in `root`, else within an installed package, else at the top of the repository."""
    if root is not None:
        return Path(root) / beside
    installed = _PACKAGE / packaged
    return installed if installed.is_dir() else _PACKAGE.parent / beside
