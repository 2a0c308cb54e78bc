"""A run becomes an entry of the zoo: exported, scored, drawn and described."""

import datetime
import json
import os
import platform
import re
import tempfile
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import data as datasets
from tfvae.analysis.category_accuracy import category_accuracy
from tfvae.codes.codes import CODE_OUTPUTS, scaled_images
from tfvae.evaluation import QUICK, evaluate
from tfvae.experiment import Experiment
from tfvae.export import (
    Provenance,
    SavedEncoder,
    export_decoder,
    export_encoder,
    load_saved_model,
    record_scores,
    versions,
)
from tfvae.loading import load_progress
from tfvae.models import InfoGAN
from tfvae.models.base import Model
from tfvae.models.build import completed
from tfvae.plots.generated import plot_samples
from tfvae.plots.tiles import save_png
from tfvae.plots.traversals import draw_traversals
from tfvae.release.card import card, refresh


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
    say: Callable[[str], Any] = lambda text: None,
) -> int:
    """Makes a new version of an entry of the zoo out of a run, finished or not.

    The encoder of the last checkpoint goes to `root`/saved_models/<name>/<version>, its decoder to
    saved_models/<name>-decoder/<version>, and zoo/<name> gets experiment.json, scores.json (of the exported encoder),
    traversals.png and .gif, samples.png of a GAN, and card.md; the provenance of both exports holds the scores too.
    Cards and the README's table are made anew. zoo/<name>/notes.md, text for the card's limits, is kept. Nothing is
    left there when it fails on the way.

    Args:
        workdir: a folder that `training.train` fills. It is only read.
        name: of the entry, "<model>-<data>".
        root: the folder that holds zoo/ and saved_models/.
        version: int above all that there are; by default the next.
        data: images, instead of those that the experiment names.
        metrics: as in `evaluate`.
        quick: whether to score from few images and votes (`QUICK`): to try the release. scores.json and card.md say so.
        seed: decides the images that are drawn.
        say: is told what comes next.

    Returns:
        The version.

    Raises:
        FileNotFoundError: when the run has no experiment.json, or neither a checkpoint nor model.keras.
        FileExistsError: when the version exists, or a newer one.
        ValueError: for another name, or when the entry is another experiment's.
    """
    root, workdir = Path(root), Path(workdir)
    experiment = completed(Experiment.load(workdir / "experiment.json"))
    entry, saved = root / "zoo" / name, root / "saved_models" / name
    _check(name, entry, experiment)
    decoders = saved.with_name(f"{name}-decoder")
    newest = max(versions(saved) + versions(decoders), default=0)
    version = newest + 1 if version is None else version
    if version <= newest:
        raise FileExistsError(f"Expected a version above {newest}, the newest in {saved}. Received: version={version}")
    if data is None:
        data = datasets.load(experiment.data)
    trained = load_progress(workdir, data.image_shape)
    model, step = trained.model, trained.steps
    assert model is not None

    saved.parent.mkdir(parents=True, exist_ok=True)
    # Beside the place where all of it goes, so that it can be renamed.
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=saved.parent) as temporary:
        made = Path(temporary)
        say(f"Exporting step {step:,} of {experiment.steps:,}")
        provenance = Provenance(experiment=experiment, data_digest=data.digest)
        exported = export_encoder(model, made / "encoder" / str(version), provenance=provenance)
        decoder = export_decoder(model, made / "decoder" / str(version), provenance=provenance)
        encoder = load_saved_model(exported)
        say("Scoring the exported encoder")
        scores = evaluate(
            encoder,
            data,
            metrics=metrics,
            log_likelihood=getattr(model, "log_likelihood", None),
            seed=seed,
            images=2_000 if quick else 10_000,
            limit=10_000 if quick else None,
            progress=True,
            parameters=QUICK if quick else None,
        )
        given = encoder(scaled_images(data, np.zeros(1, int)))
        outputs = {key: int(given[key].shape[-1]) for key in CODE_OUTPUTS if key in given}
        if "probabilities" in outputs and getattr(data, "factors", None) is not None:
            scores["category_accuracy"] = category_accuracy(encoder, data)
        facts = {
            "version": version,
            "steps": {"trained": step, "planned": experiment.steps},
            "image_shape": list(data.image_shape),
            "outputs": outputs,
            "weights": {part: getattr(model, part).count_params() for part in model.networks},
            "data": _described(data),
        }
        files = made / "zoo" / name
        files.mkdir(parents=True)
        scores = {"model": name, **scores, "release": facts | _circumstances()}
        (files / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
        experiment.save(files / "experiment.json")
        for saved_model in (exported, decoder):
            record_scores(saved_model, scores)
        say("Drawing")
        _draw(encoder, model, data, files, seed)
        card(files)  # made again where it goes; an error must come before
        for source, target in ((decoder, decoders), (exported, saved)):
            target.mkdir(exist_ok=True)
            os.rename(source, target / str(version))
        entry.mkdir(parents=True, exist_ok=True)
        # scores.json comes last: it is what makes an entry.
        for file in sorted(files.iterdir(), key=lambda file: file.name == "scores.json"):
            os.replace(file, entry / file.name)
    refresh(root=root)
    return version


def _check(name: str, entry: Path, experiment: Experiment) -> None:
    if not re.fullmatch(r"[a-z0-9_]+-[a-z0-9_]+", name) or name.endswith("-decoder"):
        raise ValueError(f"Expected a name <model>-<data> of small letters, digits and _. Received: name={name!r}")
    if not (entry / "experiment.json").exists():
        return
    there = completed(Experiment.load(entry / "experiment.json"))
    if differing := experiment.differences(there):
        changes = ", ".join(
            f"{key}={getattr(there, key)!r} (in the run {getattr(experiment, key)!r})" for key in differing
        )
        raise ValueError(f"{entry} is another experiment, with {changes}. Release the run under another name")


def _described(data: Any) -> dict[str, Any]:
    factors = getattr(data, "factors", None)
    sizes = {} if factors is None else dict(zip(factors.names, map(int, factors.sizes), strict=True))
    return {"images": len(data), "factors": {name: size for name, size in sizes.items() if size > 1}}


def _circumstances() -> dict[str, Any]:
    libraries = ("tfvae", "tensorflow", "keras", "numpy")
    gpus = len(tf.config.list_physical_devices("GPU"))
    return {
        "tool": "tools.release",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores of {_processor()}, {gpus or 'no'} GPU{'s' if gpus > 1 else ''}",
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in libraries}},
    }


def _processor() -> str:
    try:
        told = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        told = None
    return told[1].strip() if told else platform.processor() or platform.machine()


def _draw(encoder: SavedEncoder, model: Model, data: Any, folder: Path, seed: int) -> None:
    for name in ("traversals.png", "traversals.gif"):
        draw_traversals(folder / name, encoder, model.decode, data, reach=model.traversal_range, seed=seed)
    if isinstance(model, InfoGAN):
        save_png(plot_samples(np.asarray(model.decode(*model.prior_draws(100, seed)))), folder / "samples.png")
