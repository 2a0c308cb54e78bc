"""Exports are made again from their own weights, to get what this version of the library writes into a graph.

What is mended in the signatures reaches an old export only so: its graph stays as it was written. The model is built
from the experiment in the export's provenance, so neither a checkpoint nor the data are needed.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import zoo
from tfvae.experiment import Experiment
from tfvae.export import (
    Provenance,
    SavedDecoder,
    SavedEncoder,
    export_decoder,
    export_encoder,
    load_decoder,
    load_saved_model,
    versions,
)
from tfvae.export.folders import check_version
from tfvae.export.provenance import read_provenance
from tfvae.export.restored import restore
from tfvae.files.atomic import move, written_whole
from tfvae.files.manifest import verify_manifest
from tfvae.models.build import build_model
from tfvae.release.tables import refresh

_ROWS, _ATOL = 64, 1e-6


def reexport(old: str | os.PathLike, new: str | os.PathLike, *, scores: Mapping[str, Any] | None = None) -> None:
    """Writes the encoder or decoder of an export as a new one, whose outputs are compared on 64 random rows.

    Args:
        old: the folder of a SavedModel of `export_encoder` or `export_decoder`, of any version of the library.
        new: the folder to write, ".../<name>/<version>".
        scores: for the provenance, in place of the old export's.

    Raises:
        ValueError: if the old export is damaged or does not say how it was made, or the new one gives other outputs.
        FileExistsError: if the new version exists.
    """
    old, new = Path(old), Path(new)
    check_version(new)
    verify_manifest(old)
    known = read_provenance(old)
    if not known.get("experiment"):
        raise ValueError(f"Expected an export that names its experiment. Received: {old}, whose provenance has none")
    experiment = Experiment(**known["experiment"])
    encodes = known["network"] == "encoder"
    load, export = (load_saved_model, export_encoder) if encodes else (load_decoder, export_decoder)
    before = load(old)
    model = build_model(experiment, before.image_shape)
    restore(model, old)
    provenance = Provenance(experiment, known["scores"] if scores is None else scores, known["data_digest"])
    new.parent.mkdir(parents=True, exist_ok=True)
    # TensorFlow Serving, which watches the folder, ignores names that are not integers.
    with tempfile.TemporaryDirectory(prefix=f".{new.name}.", dir=new.parent) as folder:
        made = export(model, Path(folder) / new.name, provenance=provenance)
        _check_outputs(before, load(made))
        move(made, new)


def reexport_entry(name: str, *, root: str | os.PathLike, scores: dict[str, Any] | None = None) -> int:
    """Makes the newest version of a zoo entry again as the next version, which replaces it.

    scores.json keeps the scores, which the same weights have, and gets `release.reexport`, with the version that the
    weights are of. The cards and the tables of README and docs are written again.

    Args:
        name: of the entry.
        root: the folder that holds zoo/ and saved_models/.
        scores: in place of those in scores.json; with "release", as there.

    Returns:
        The new version.

    Raises:
        ValueError, FileExistsError: as `reexport`.
    """
    root = Path(root)
    scores = zoo.load_scores(name, root=root) if scores is None else scores
    old = scores["release"]["version"]
    folders = [root / "saved_models" / f"{name}-decoder", root / "saved_models" / name]
    version = max(number for folder in folders for number in versions(folder)) + 1
    weights = scores["release"].get("reexport", {"weights_of_version": old})
    scores["release"] |= {"version": version, "reexport": weights}
    made = [folder for folder in folders if (folder / str(old)).exists()]
    for folder in made:
        reexport(folder / str(old), folder / str(version), scores=scores)
    with written_whole(root / "zoo" / name / "scores.json") as beside:
        beside.write_text(json.dumps(scores, indent=2) + "\n")
    for folder in made:
        shutil.rmtree(folder / str(old))
    refresh(root=root)
    return version


def _check_outputs(before: SavedEncoder | SavedDecoder, after: SavedEncoder | SavedDecoder) -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((_ROWS, *before.image_shape), np.float32)
    if isinstance(before, SavedDecoder):
        categories = np.eye(max(before.categories, 1))[np.arange(_ROWS) % max(before.categories, 1)]
        rows = np.hstack([rng.normal(size=(_ROWS, before.latent_dim)), categories[:, : before.categories]])
    expected, found = (
        np.hstack([np.reshape(x, (_ROWS, -1)) for x in tf.nest.flatten(f(rows))]) for f in (before, after)
    )
    if not np.allclose(found, expected, rtol=0, atol=_ATOL):
        difference = np.abs(found - expected).max()
        raise ValueError(
            f"Expected the outputs of {before.path}. Received: others, which differ by up to {difference:g}"
        )
