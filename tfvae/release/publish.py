"""A run becomes an entry of the zoo: exported, scored, described, drawn and published."""

import dataclasses
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfvae import data as datasets
from tfvae.analysis.category_accuracy import category_accuracy
from tfvae.codes import Capabilities
from tfvae.evaluation import QUICKLY, evaluate
from tfvae.experiment import Experiment
from tfvae.export import Provenance, export_decoder, export_encoder, load_saved_model, record_scores, versions
from tfvae.files.atomic import make_folder, move
from tfvae.files.disk import disk_errors_named
from tfvae.loading import load_checkpointed
from tfvae.models.base import Model
from tfvae.models.build import completed
from tfvae.release.card import card
from tfvae.release.facts import facts
from tfvae.release.pictures import draw
from tfvae.release.tables import refresh


def release(
    workdir: str | os.PathLike,
    name: str,
    *,
    root: str | os.PathLike,
    version: int | None = None,
    data: Any = None,
    metrics: str | Iterable[str] = "all",
    quick: bool = False,
    seed: int = 0,
    report: Callable[[str], Any] = lambda text: None,
) -> int:
    """Makes a new version of a zoo entry from a run, finished or not.

    The encoder of the latest checkpoint goes to `root`/saved_models/<name>/<version>, and its decoder, where it has
    one, to saved_models/<name>-decoder/<version>. zoo/<name> gets experiment.json, scores.json (of the exported
    encoder), card.md, and the pictures that the model can draw: traversals.png and .gif, samples.png. The provenance
    of both exports also holds the scores. The cards and the tables of README and docs are written again;
    zoo/<name>/notes.md, text for the card's limits, is kept. If a step fails, nothing is left there.

    Args:
        workdir: a folder that `training.train` fills. It is only read.
        name: of the entry, "<model>-<data>".
        root: the folder that holds zoo/ and saved_models/.
        version: int above all existing versions; by default the next.
        data: images, in place of those that the experiment names.
        metrics: as in `evaluate`.
        quick: whether to score with few images and votes (`QUICK`), to try out a release. scores.json and card.md then
            say so.
        seed: int >= 0, decides the scores' draws and which images are drawn.
        report: is called with a line of text before each step.

    Returns:
        The version.

    Raises:
        FileNotFoundError: if the run has no experiment.json, or neither a checkpoint nor model.keras.
        FileExistsError: if the version or a newer one exists.
        ValueError: for a name of another form, or if the entry belongs to another experiment.
        NotWrittenError: if the disk is full. The versions that were there stay as they are.
    """
    root, workdir = Path(root), Path(workdir)
    experiment = completed(Experiment.load(workdir / "experiment.json"))
    _check(name, root / "zoo" / name, experiment)
    version = _free_version(root / "saved_models" / name, version)
    data = datasets.load(experiment.data) if data is None else data
    trained = load_checkpointed(workdir, data.image_shape)
    model, step = trained.model, trained.steps
    if model is None or step is None:
        raise ValueError(f"Expected a compiled model, which knows its steps. Received: another in {workdir}")

    (root / "saved_models").mkdir(parents=True, exist_ok=True)
    # In the folder where all of it goes, so that it can be renamed.
    with (
        disk_errors_named(f"Version {version} of {name} in {root}"),
        tempfile.TemporaryDirectory(prefix=f".{name}.", dir=root / "saved_models") as temporary,
    ):
        made = _Made(Path(temporary), name, version)
        report(f"Exporting step {step:,} of {experiment.steps:,}")
        exported = _export(model, made, Provenance(experiment=experiment, data_digest=data.digest))
        report("Scoring the exported encoder")
        scores = score(model, exported, data, metrics, quick, seed)
        known = facts(model, exported, data, version=version, trained=step, planned=experiment.steps)
        _describe(made, experiment, {"model": name, **scores, "release": known})
        report("Drawing")
        draw(exported, data, made.entry, seed)
        _publish(made, root)
    refresh(root=root)
    return version


def score(
    model: Model, exported: Capabilities, data: Any, metrics: str | Iterable[str], quick: bool, seed: int
) -> dict[str, Any]:
    """What `evaluate` gives, and how well a categorical latent names the factors' values.

    Args:
        model: the Keras model.
        exported: its exported encoder, with what else the Keras model can do.
        data: images, as `tfvae.data.load` gives them.
        metrics: as in `evaluate`.
        quick: whether to score with few images and votes.
        seed: int >= 0.
    """
    scores = evaluate(exported, data, metrics=metrics, seed=seed, **(QUICKLY if quick else {}))
    if model.categories and data.factors is not None:
        scores["category_accuracy"] = category_accuracy(exported.represent, data)
    return scores


@dataclass(frozen=True)
class _Made:
    """The temporary folder in which a version of an entry is made."""

    folder: Path
    name: str
    version: int

    @property
    def encoder(self) -> Path:
        return self.folder / "encoder" / str(self.version)

    @property
    def decoder(self) -> Path:
        return self.folder / "decoder" / str(self.version)

    @property
    def entry(self) -> Path:
        return self.folder / "zoo" / self.name


def _check(name: str, entry: Path, experiment: Experiment) -> None:
    """Checks the entry's name, and that it belongs to this experiment if it exists."""
    if not re.fullmatch(r"[a-z0-9_]+-[a-z0-9_]+", name) or name.endswith("-decoder"):
        raise ValueError(f"Expected a name <model>-<data> of small letters, digits and _. Received: name={name!r}")
    if not (entry / "experiment.json").exists():
        return
    other = completed(Experiment.load(entry / "experiment.json"))
    if differing := experiment.differences(other):
        changes = ", ".join(f"{key}={vars(other)[key]!r} (in the run {vars(experiment)[key]!r})" for key in differing)
        raise ValueError(f"Expected the experiment of {entry}. Received: another, with {changes}. Choose another name")


def _free_version(saved: Path, version: int | None) -> int:
    """The version to make: the one that is asked for, or the next."""
    newest = max(versions(saved) + versions(saved.with_name(f"{saved.name}-decoder")), default=0)
    if version is not None and version <= newest:
        raise FileExistsError(f"Expected a version above {newest}, the newest in {saved}. Received: version={version}")
    return newest + 1 if version is None else version


def _export(model: Model, made: _Made, provenance: Provenance) -> Capabilities:
    """Exports the networks. Returns the exported encoder's codes with what else the Keras model can do."""
    encoder = load_saved_model(export_encoder(model, made.encoder, provenance=provenance))
    if model.decoding_network is not None:
        export_decoder(model, made.decoder, provenance=provenance)
    return dataclasses.replace(model.capabilities(), represent=encoder, digest=encoder.capabilities().digest)


def _describe(made: _Made, experiment: Experiment, scores: dict[str, Any]) -> None:
    """Writes the entry's scores and experiment, and the scores into the exports."""
    made.entry.mkdir(parents=True)
    (made.entry / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
    experiment.save(made.entry / "experiment.json")
    for saved_model in (made.encoder, made.decoder):
        if saved_model.exists():
            record_scores(saved_model, scores)


def _publish(made: _Made, root: Path) -> None:
    """Renames all that was made to where it belongs."""
    card(made.entry)  # An error in it must come before anything is renamed; `refresh` writes the card.
    for source, name in ((made.decoder, f"{made.name}-decoder"), (made.encoder, made.name)):
        if source.exists():
            target = root / "saved_models" / name
            make_folder(target)
            move(source, target / str(made.version))
    entry = root / "zoo" / made.name
    make_folder(entry)
    # scores.json comes last: it is what makes an entry.
    for file in sorted(made.entry.iterdir(), key=lambda file: file.name == "scores.json"):
        move(file, entry / file.name)
