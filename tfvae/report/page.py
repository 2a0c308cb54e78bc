"""One page about a trained model: scores, figures, and sliders that move its latents."""

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

import tfvae
from tfvae.analysis.aggregate_posterior import Marginals, marginals
from tfvae.analysis.batch_total_correlation import batch_total_correlation
from tfvae.analysis.iwae import log_marginal_likelihood
from tfvae.analysis.sensitivity import FIGURE_16, FIGURE_17, sensitivity
from tfvae.analysis.total_correlation import kl_decomposition
from tfvae.analysis.training_curves import read_scalars
from tfvae.codes import Codes
from tfvae.evaluation import evaluate
from tfvae.files.atomic import written_whole
from tfvae.loading import Trained
from tfvae.metrics import METRICS, QUICK
from tfvae.plots.axes import svg
from tfvae.plots.batch_total_correlation import plot_batch_total_correlation
from tfvae.plots.curves import plot_curves
from tfvae.plots.marginals import plot_marginals
from tfvae.plots.sensitivity import plot_sensitivity
from tfvae.report import explorer

_CURVES = (
    "total_correlation",
    "true_total_correlation",
    "discriminator_accuracy",
    "reconstruction",
    "kl",
)


def write_report(
    trained: Trained,
    data: Any,
    path: str | os.PathLike,
    *,
    title: str = "Model",
    logs: str | os.PathLike | None = None,
    quick: bool = False,
    seed: int = 0,
    overwrite: bool = False,
    say: Callable[[str], Any] = lambda text: None,
) -> None:
    """Writes a page of HTML that holds all it needs: scores, figures, and sliders that run the decoder.

    What a model cannot have, as an exported encoder has no samples, stands at its top with the reason.

    Args:
        trained: from `tfvae.loading.load`.
        data: images, with known factors for scores (`tfvae.data`).
        path: the file to write.
        title: what the page calls the model.
        logs: a folder with event files of TensorBoard, for the curves over training.
        quick: whether to measure with few draws, in minutes on a laptop. Otherwise all images are encoded, and the
            bound of log p(x) has the paper's 5,000 particles.
        seed: decides all draws.
        overwrite: whether a page that is there is replaced.
        say: is told what comes next.

    Raises:
        FileExistsError: when there is such a file and overwrite is not set.
        ValueError: when the data does not fit the model.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists and is not overwritten unless that is asked for")
    if tuple(data.image_shape) != tuple(trained.image_shape):
        raise ValueError(f"Expected images {trained.image_shape}, the model's. Received: {data.image_shape}")
    page: dict[str, Any] = {"title": title, "quick": quick, "seed": seed, "version": tfvae.__version__}
    page |= {"figures": [], "missing": [], "numbers": [], "scores": []}
    codes = Codes(trained.represent, data)
    page["facts"] = _facts(trained, data)

    say("Scores")
    _add_scores(page, codes, trained, quick, seed)
    if codes.has_posterior and not codes.discrete:
        say("Total correlation and marginals")
        found = _add_densities(page, codes, quick, seed)
    else:
        why = "one of the latents is a category" if codes.discrete else "the codes have no posterior"
        page["missing"].append(("Total correlation and marginals, sliders, samples and log p(x)", why))
        found = None
    if trained.model is None:
        page["missing"].append(
            ("Sliders, traversals, samples, reconstruction error and log p(x)", "an exported encoder has no decoder")
        )
    elif found is not None:
        say("Images")
        explorer.add_to(page, trained.model, codes, found, seed)
        say("Bound of log p(x)")
        images, particles = (16, 100) if quick else (100, 5_000)
        bound = log_marginal_likelihood(trained.model, data, images=images, particles=particles, seed=seed)
        of = f"importance-weighted bound, {particles:,} particles, {bound['images']} images"
        page["numbers"].append({"name": "log p(x) is at least", "of": of, **bound})
    if logs is not None:
        _add_curves(page, logs)
    else:
        page["missing"].append(("Curves over training", "there is no folder logs/ beside the model"))
    if quick:
        page["missing"].append(("Sensitivity of the metrics", "left out of a quick report"))
    elif page["scores"]:
        say("Sensitivity of the metrics")
        _add_sensitivity(page, codes, seed)
    _write(page, path)


def _facts(trained: Trained, data: Any) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [
        ("data", f"{data.name}, {len(data):,} images {'x'.join(map(str, data.image_shape))}")
    ]
    if trained.experiment is not None:
        experiment = trained.experiment
        parameters = ", ".join(f"{name} {value}" for name, value in experiment.parameters.items())
        steps = experiment.steps if trained.steps is None else trained.steps
        planned = "" if steps == experiment.steps else f", of {experiment.steps:,} planned"
        facts += [
            ("model", f"{experiment.model}{f' ({parameters})' if parameters else ''}"),
            ("latents", experiment.latent_dim),
            ("training", f"{steps:,} steps of {experiment.batch_size} images{planned}, seed {experiment.seed}"),
        ]
    return facts


def _add_scores(page: dict[str, Any], codes: Codes, trained: Trained, quick: bool, seed: int) -> None:
    images = 2_000 if quick else 10_000
    if not hasattr(codes.data, "factors"):
        page["missing"].append(("Scores", "nothing is known of the factors in these images"))
    else:
        for name in METRICS:
            try:
                result = evaluate(
                    codes, codes.data, metrics=[name], seed=seed, num_images=images, parameters=QUICK if quick else None
                )[name]
            except ValueError as error:
                page["missing"].append((name, str(error)))
                continue
            rest = {key: value for key, value in result.items() if key not in ("score", "standard_error")}
            further = ", ".join(
                f"{key.replace('_', ' ')} {value:.4g}" for key, value in rest.items() if isinstance(value, int | float)
            )
            error_or_none = result.get("standard_error")
            page["scores"].append(
                {"name": name, "score": result["score"], "standard_error": error_or_none, "further": further}
            )
    found = evaluate(trained, codes.data, metrics=[], seed=seed, num_images=images)
    if "reconstruction" in found:
        of = f"-E log p(x|z), {found['images']:,} images"
        page["numbers"].append({"name": "reconstruction error", "of": of, **found["reconstruction"]})


def _add_densities(page: dict[str, Any], codes: Codes, quick: bool, seed: int) -> Marginals:
    """KL decomposition, marginals and the batch estimate of TC; returns the marginals."""
    rng = np.random.default_rng([seed, 1])
    # All components are a matter of encoding all images; beyond a million that takes hours.
    components = 20_000 if quick else (None if len(codes.data) <= 1_000_000 else 200_000)
    parts = kl_decomposition(codes, rng, samples=500 if quick else 1_000, components=components)
    whole = parts["components"] == len(codes.data)
    of = f"{parts['samples']:,} draws, "
    of += (
        f"all {len(codes.data):,} components" if whole else f"{parts['components']:,} of {len(codes.data):,} components"
    )
    page["numbers"].append(
        {"name": "KL(q(z|x) || p(z))", "nats": parts["kl_closed_form"], "standard_error": None, "of": "closed form"}
    )
    for key, name, bias in (
        ("mutual_information", "I(x; z)", "too large"),
        ("total_correlation", "total correlation of q(z)", "too small"),
        ("dimension_wise_kl", "sum of KL(q(z_j) || p(z_j))", "slightly too small"),
    ):
        page["numbers"].append({"name": name, "of": of if whole else f"{of}, so {bias}", **parts[key]})

    found = marginals(codes, rng, images=5_000 if quick else 10_000)
    page["figures"].append(
        {
            "id": "marginals",
            "title": "Marginals of q(z)",
            "svg": svg(plot_marginals(found), "marginals"),
            "caption": "Each latent's distribution over the data, with the prior's density (Figure 40 of the paper). "
            "Sorted by KL(q(z|x) || p(z)).",
        }
    )
    batch = min(2_000 if quick else 10_000, len(codes.data))
    estimates = {
        "z from the data": batch_total_correlation(codes, rng, batch=batch, samples=batch),
        "z from the batch": batch_total_correlation(codes, rng, batch=batch, samples=batch, from_batch=True),
    }
    page["figures"].append(
        {
            "id": "batch-tc",
            "title": "Batch estimate of TC",
            "svg": svg(plot_batch_total_correlation(estimates), "batch-tc"),
            "caption": f"Densities estimated from a batch of {batch:,} encodings (Appendix D and Figure 18 of the "
            "paper). TC is never negative: where the estimate is, a batch does not tell.",
        }
    )
    return found


def _add_curves(page: dict[str, Any], logs: str | os.PathLike) -> None:
    try:
        curves = read_scalars(logs)
    except FileNotFoundError as error:
        page["missing"].append(("Curves over training", str(error)))
        return
    tags = [tag for tag in _CURVES if tag in curves]
    if tags:
        page["figures"].append(
            {
                "id": "curves",
                "title": "Curves over training",
                "svg": svg(plot_curves({"run": [curves]}, tags), "curves"),
                "caption": "Means over the steps between two entries of the log (Figures 7 and 37 of the paper). The "
                "discriminator tends to underestimate the true TC.",
            }
        )


def _add_sensitivity(page: dict[str, Any], codes: Codes, seed: int) -> None:
    analyses = [sensitivity(codes, **figure, seeds=5, seed=seed) for figure in (FIGURE_16, FIGURE_17)]
    page["figures"].append(
        {
            "id": "sensitivity",
            "title": "Sensitivity of the metrics",
            "svg": svg(plot_sensitivity(analyses), "sensitivity"),
            "caption": "Scores of this model for other parameters of the metrics; bars are one standard deviation "
            "over 5 seeds (Figures 16 and 17 of the paper).",
        }
    )


def _write(page: dict[str, Any], path: Path) -> None:
    folder = resources.files("tfvae.report").joinpath("assets")
    read = {name: (folder / name).read_text() for name in ("page.html", "style.css", "decoder.js", "sliders.js")}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    defaults: dict[str, Any] = {"explorer": None, "traversal": None}
    html = environment.from_string(read["page.html"]).render(
        **(defaults | page),
        style=read["style.css"],
        decoder_script=read["decoder.js"],
        sliders_script=read["sliders.js"],
    )
    with written_whole(path) as beside:
        beside.write_text(html, encoding="utf-8")
