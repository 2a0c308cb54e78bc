"""An entry is scored again, from its exports alone: as it is, or with its latents turned to independent axes."""

import dataclasses
import datetime
import json
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from tfvae import data as datasets
from tfvae import zoo
from tfvae.export import SavedEncoder, export_encoder, load_saved_model
from tfvae.files.atomic import written_whole
from tfvae.models.base import Model
from tfvae.models.rotation import rotate
from tfvae.release.publish import score
from tfvae.release.reexport import reexport_entry


def rescore_entry(name: str, *, root: str | os.PathLike, data: Any = None, quick: bool = False, seed: int = 0) -> int:
    """Scores the newest version of a zoo entry, and makes it again as the next version, which holds the new scores.

    The exported encoder is scored, as at a release. The reconstruction error is that of a Keras model with the weights
    of the exported encoder and decoder. scores.json also gets `release.scored`: the date and the library's version.

    Args:
        name: of the entry.
        root: the folder that holds zoo/ and saved_models/.
        data: images, in place of those that the entry's experiment names.
        quick: as in `tfvae.release.publish.release`.
        seed: int >= 0, decides the scores' draws.

    Returns:
        The new version.

    Raises:
        ValueError, FileExistsError: as `reexport`.
    """
    root = Path(root)
    before = zoo.load_scores(name, root=root)
    known, data, encoder, model = before["release"], *_loaded(name, root, data)
    scored = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "tfvae": metadata.version("tfvae")}
    scores = {"model": name, **_scores(model, encoder, data, quick, seed), "release": {**known, "scored": scored}}
    if "turned" in before:
        scores["turned"] = _turned_scores(model, data, quick, seed)
    return reexport_entry(name, root=root, scores=scores)


def score_turned(name: str, *, root: str | os.PathLike, data: Any = None, quick: bool = False, seed: int = 0) -> None:
    """Scores the newest version of a zoo entry with its latents turned by `tfvae.rotate`, which trains nothing.

    scores.json gets "turned": what `tfvae.evaluate` gives for the encoder that `tfvae export --rotate` exports. The
    entry's card then has both.

    Args:
        name, root, data, quick, seed: as in `rescore_entry`.

    Raises:
        TypeError, ValueError: as `tfvae.rotate`, for a model or codes that it refuses.
    """
    root = Path(root)
    data, _, model = _loaded(name, root, data)
    scores = {**zoo.load_scores(name, root=root), "turned": _turned_scores(model, data, quick, seed)}
    with written_whole(root / "zoo" / name / "scores.json") as beside:
        beside.write_text(json.dumps(scores, indent=2) + "\n")


def _loaded(name: str, root: Path, data: Any) -> tuple[Any, SavedEncoder, Model]:
    """The data, the exported encoder and the Keras model of the version that scores.json describes."""
    version = zoo.load_scores(name, root=root)["release"]["version"]
    data = datasets.load(zoo.load_experiment(name, root=root).data) if data is None else data
    return data, zoo.load_encoder(name, version, root=root), zoo.load_model(name, version, root=root)


def _scores(model: Model, encoder: SavedEncoder, data: Any, quick: bool, seed: int) -> dict[str, Any]:
    able = dataclasses.replace(model.capabilities(), represent=encoder, digest=encoder.capabilities().digest)
    return score(model, able, data, "all", quick, seed)


def _turned_scores(model: Model, data: Any, quick: bool, seed: int) -> dict[str, Any]:
    turned = rotate(model, data)
    with tempfile.TemporaryDirectory() as folder:
        encoder = load_saved_model(export_encoder(turned, Path(folder, "turned", "1")))
        return _scores(turned, encoder, data, quick, seed)
