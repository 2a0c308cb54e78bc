"""Where an exported network comes from: assets.extra/provenance.json in its SavedModel."""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tfvae.experiment import Experiment
from tfvae.files.atomic import written_whole
from tfvae.files.manifest import verify_manifest, write_manifest
from tfvae.files.state import read_object

NAME = Path("assets.extra", "provenance.json")
_DISTRIBUTIONS = ("tfvae", "tensorflow", "keras", "numpy")


@dataclass(frozen=True)
class Provenance:
    """How a model was made. What is not known is None, and null in the file.

    Args:
        experiment: the training run.
        scores: what `tfvae.evaluate` returned for the model; `record_scores` adds them later.
        data_digest: identifies the training data: the `digest` of a data set.
        rotated_on: the name of the data by which `tfvae.rotate` turned the latents after the training; None without.

    Examples:
        >>> from tfvae.export import Provenance
        >>> model = tfvae.create("vae", (16, 16, 1), latent_dim=2)
        >>> made = Provenance(tfvae.Experiment("vae", latent_dim=2), scores={"mig": {"score": 0.1}})
        >>> path = tfvae.export_encoder(model, "saved_models/small/1", provenance=made)
        >>> (path / "assets.extra" / "provenance.json").exists()
        True
    """

    experiment: Experiment | None = None
    scores: Mapping[str, Any] | None = None
    data_digest: str | None = None
    rotated_on: str | None = None

    def to_json(self, model: str, network: str) -> str:
        """The file's content, with the versions of the libraries that wrote it, and without times.

        Of a path, such as that of the training data, the user's home folder is left out: ~ stands for it.

        Args:
            model: the model's class.
            network: "encoder" or "decoder".
        """
        content: dict[str, Any] = {
            "model": model,
            "network": network,
            "experiment": None if self.experiment is None else _without_home(dataclasses.asdict(self.experiment)),
            "data_digest": self.data_digest,
            "scores": None if self.scores is None else dict(self.scores),
            "versions": {name: version(name) for name in _DISTRIBUTIONS},
        }
        if self.rotated_on is not None:
            content["rotated_on"] = self.rotated_on
        return _text(content)


def read_provenance(saved_model: str | os.PathLike) -> dict[str, Any]:
    """The provenance in the folder of a SavedModel; empty if it has none, as those of other libraries.

    Raises:
        ValueError: if the file is damaged.
    """
    path = Path(saved_model) / NAME
    return read_object(path, "a provenance") if path.exists() else {}


def record_scores(saved_model: str | os.PathLike, scores: Mapping[str, Any]) -> None:
    """Writes the scores of an exported network into its provenance: an export is scored after it is made.

    Args:
        saved_model: the folder of a SavedModel of `export_encoder` or `export_decoder`, before it is served.
        scores: values that JSON can hold.

    Raises:
        FileExistsError: if it has scores already: they are never replaced.
        ValueError: if the folder's files are not those of its manifest.

    Examples:
        >>> from tfvae.export import record_scores
        >>> path = tfvae.export_encoder(tfvae.create("vae", (16, 16, 1), latent_dim=2), "saved_models/small/1")
        >>> record_scores(path, {"mig": {"score": 0.1, "standard_error": 0.01}})
        >>> '"mig"' in (path / "assets.extra" / "provenance.json").read_text()
        True
    """
    verify_manifest(saved_model)
    path = Path(saved_model) / NAME
    content = read_object(path, "a provenance")
    if content["scores"] is not None:
        raise FileExistsError(f"Expected a provenance without scores. {path} has scores, which are not replaced")
    content["scores"] = dict(scores)
    with written_whole(path) as beside:
        beside.write_text(_text(content))
    write_manifest(saved_model)


def _without_home(experiment: dict[str, Any]) -> dict[str, Any]:
    home = os.path.expanduser("~").rstrip("/")
    if not os.path.isabs(home):
        return experiment  # none, or the root folder
    # At the beginning of a path: "folder:/home/anna/photos?factors=/home/anna/labels.csv".
    starts = re.compile(rf"(^|[:=]){re.escape(home)}(?=/|$|[?&])")
    return {name: starts.sub(r"\1~", value) if isinstance(value, str) else value for name, value in experiment.items()}


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"
