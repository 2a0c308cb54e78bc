"""An entry is scored again by what this version of the library measures, from its exports alone."""

import dataclasses
import datetime
import os
from importlib import metadata
from pathlib import Path
from typing import Any

from tfvae import data as datasets
from tfvae import zoo
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
    known = zoo.load_scores(name, root=root)["release"]
    data = datasets.load(zoo.load_experiment(name, root=root).data) if data is None else data
    encoder = zoo.load_encoder(name, known["version"], root=root)
    model = zoo.load_model(name, known["version"], root=root)
    able = dataclasses.replace(model.capabilities(), represent=encoder, digest=encoder.capabilities().digest)
    scored = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "tfvae": metadata.version("tfvae")}
    scores = {"model": name, **score(model, able, data, "all", quick, seed), "release": {**known, "scored": scored}}
    return reexport_entry(name, root=root, scores=scores)
