"""The card of a zoo entry. It follows from the files of the entry."""

import inspect
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from tfvae.data.names import parse
from tfvae.experiment import Experiment
from tfvae.files import markdown
from tfvae.files.state import read_object
from tfvae.metrics import METRICS
from tfvae.models import MODELS
from tfvae.models.build import completed
from tfvae.release.published import SOURCES, Published, published, shown
from tfvae.release.references import cited, data_set


def card(folder: str | os.PathLike) -> str:
    """The card of an entry in Markdown, with a head in YAML that the Hugging Face Hub reads.

    It follows from the entry's experiment.json, scores.json and, if it exists, notes.md.

    Args:
        folder: .../zoo/<name>, as `tfvae.release.publish.release` fills it.
    """
    folder = Path(folder)
    experiment = Experiment.load(folder / "experiment.json")
    scores = read_object(folder / "scores.json", "the scores of an entry")
    notes = folder / "notes.md"
    cls, release, data = MODELS[experiment.model], scores["release"], data_set(experiment.data)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["plain"] = markdown.plain
    template = environment.from_string(resources.files("tfvae.release").joinpath("card.md.jinja").read_text())
    trained, planned = release["steps"]["trained"], release["steps"]["planned"]
    base = parse(experiment.data)[0]
    of_papers = list(published(base, experiment.model))
    return template.render(
        name=folder.name,
        model=cls.__name__,
        method=(inspect.getdoc(cls) or "").splitlines()[0],
        data=data,
        quick=scores.get("limit"),
        release=release,
        steps=_steps(trained, planned),
        short=_short_of_paper(trained, data.paper_steps),
        latents=_latents(release["outputs"]),
        outputs=", ".join(f"`{name}` [B, {size}]" for name, size in release["outputs"].items()),
        shape=", ".join(map(str, release["image_shape"])),
        size=" x ".join(map(str, release["image_shape"])),
        settings=_settings(experiment),
        networks=_networks(completed(experiment).architecture)
        + ", ".join(f"{name} of {count:,} weights" for name, count in release["weights"].items()),
        training=_training(experiment),
        versions=", ".join(f"{library} {version}" for library, version in release["versions"].items()),
        base=base,
        measured=_measured(scores),
        rows=_rows(scores, of_papers),
        sources=[SOURCES[name] for name in dict.fromkeys(row.source for row in of_papers)],
        skipped=_skipped(scores),
        turned=_turned_rows(scores),
        traversals=(folder / "traversals.png").exists(),
        samples=(folder / "samples.png").exists(),
        decoder=cls.decoding_network,
        fitted=cls.adversary,
        further=max(planned, data.paper_steps or 0),
        notes=notes.read_text().strip() if notes.exists() else "",
        # Also those of the classes that it derives from, such as InfoGAN's for InfoWGAN-GP.
        references=cited(*(inspect.getdoc(base) or "" for base in cls.__mro__ if base in MODELS.values()), data.title),
    )


def _steps(trained: int, planned: int) -> str:
    if trained < planned:
        return f"**Trained for {trained:,} of the {planned:,} steps that are planned.**"
    return f"Trained for {trained:,} steps, as planned."


def _short_of_paper(trained: int, paper: int | None) -> str:
    if paper is None or trained >= paper:
        return ""
    return (
        f"{trained:,} steps are {trained / paper:.0%} of the {paper:,} that Kim & Mnih (2018) train for on these data."
    )


def _latents(outputs: Mapping[str, int]) -> str:
    categories = f" and one of {outputs['probabilities']} categories" if "probabilities" in outputs else ""
    return f"{outputs['mean']} latents{categories}"


def _settings(experiment: Experiment) -> str:
    return ", ".join(f"{name} = {value}" for name, value in experiment.parameters.items()) or "none"


def _networks(architecture: str) -> str:
    kind, _, number = architecture.partition("_")
    return f"Table {number} of Kim & Mnih (2018): " if kind == "table" else f'architecture "{architecture}": '


def _training(experiment: Experiment) -> str:
    experiment = completed(experiment)
    # An optimizer that is named has exactly the arguments that it has, and otherwise Keras's.
    keras_defaults = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999}
    adams = {name: keras_defaults | dict(given) for name, given in experiment.optimizers.items()}
    described = [
        f"{'Adam' if name == 'optimizer' else 'discriminator Adam'} {adam['learning_rate']:g} "
        f"({adam['beta_1']:g}, {adam['beta_2']:g})"
        + (f" with a weight decay of {adam['weight_decay']:g}" if adam.get("weight_decay") else "")
        for name, adam in adams.items()
    ]
    precision = "" if experiment.precision == "float32" else f", {experiment.precision}"
    images = "pairs of images" if MODELS[experiment.model].paired else "images"
    labels = f", {experiment.supervision['labels']:,} labelled images" if experiment.supervision else ""
    return f"{experiment.batch_size} {images} a step{labels}, {', '.join(described)}, seed {experiment.seed}{precision}"


def _measured(scores: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that have a score, and how well a category names each factor, for the head that machines read."""
    found = {name: scores[name]["score"] for name in METRICS if _is_scored(scores, name)}
    accuracies = scores.get("category_accuracy", {})
    return found | {f"category_accuracy of {factor}": each["accuracy"] for factor, each in accuracies.items()}


def _is_scored(scores: Mapping[str, Any], name: str) -> bool:
    return scores.get(name, {}).get("score") is not None


def _rows(scores: Mapping[str, Any], of_papers: Sequence[Published]) -> list[tuple[str, str, str, str]]:
    """For each score, its name, its value, which is better, and what papers report."""
    rows = [
        (
            f"`{name}`",
            shown_score(scores[name]),
            "lower" if METRICS[name].lower_is_better else "higher",
            ", ".join(shown(row.scores[name]) for row in of_papers if name in row.scores),
        )
        for name in METRICS
        if _is_scored(scores, name)
    ]
    for factor, value in shown_accuracies(scores):
        rows.append((f"likeliest category as {markdown.plain(factor)}, matched one to one", value, "higher", ""))
    if "reconstruction" in scores:
        nats, error = scores["reconstruction"]["nats"], scores["reconstruction"]["standard_error"]
        rows.append(("reconstruction error, nats (of the Keras model)", f"{nats:.1f} +- {error:.1f}", "lower", ""))
    if "kl" in scores:
        latents = " + ".join(f"{kl:.2f}" for kl in sorted(scores["kl"]["latents"], reverse=True))
        rows.append(("KL, nats", f"{scores['kl']['total']:.2f} = {latents}", "", ""))
    if "latents" in scores:
        rows.append(_latents_row(scores["latents"]))
    return rows


def _turned_rows(scores: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """For each score of the turned latents, its name, the entry's value, the turned one, and which is better."""
    turned = {row[0]: row[1] for row in _rows(scores.get("turned", {}), ())}
    return [
        (name, value, turned[name], better) for name, value, better, _ in _rows(scores, ()) if name in turned and better
    ]


def _latents_row(latents: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Which latents the metrics use, and what each carries."""
    active = latents["active"]
    if "information" not in latents:
        return "latents that count", f"{sum(active)} of {len(active)} (those that vary)", "", ""
    carried = " ".join(f"{nats:.3f}" for nats in sorted(latents["information"], reverse=True))
    name, _, threshold = latents["rule"].partition(":")
    return f"latents that count: {name} above {threshold} nats", f"{sum(active)} of {len(active)}: {carried}", "", ""


def shown_accuracies(scores: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """How well a categorical latent names each factor's values."""
    for factor, found in scores.get("category_accuracy", {}).items():
        yield factor, f"{found['accuracy']:.3f} +- {found['standard_error']:.3f}"


def _skipped(scores: Mapping[str, Any]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in METRICS:
        if "skipped" in scores.get(name, {}):
            found[scores[name]["skipped"]].append(f"`{name}`")
    return dict(found)


def shown_reconstruction(scores: Mapping[str, Any]) -> str:
    return f"{scores['reconstruction']['nats']:.1f}" if "reconstruction" in scores else "-"


def shown_score(result: Mapping[str, Any]) -> str:
    if result.get("score") is None:
        return "-"
    error = result["standard_error"]
    return f"{result['score']:.3f}" + ("" if error is None else f" +- {error:.3f}")
