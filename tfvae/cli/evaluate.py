"""Scores a model: disentanglement metrics, the reconstruction error, and the KL of each latent.

  tfvae evaluate --model=runs/factor_vae --output=scores.json
  tfvae evaluate --model=factor_vae-dsprites --metrics=mig,dci --cache=codes
  tfvae evaluate --model=factor_vae-dsprites --quick
  tfvae evaluate --model=factor_vae-dsprites --ignore=shape --metric=beta_vae.classifier=adagrad

The model is a run's folder, a .keras file, the folder of an exported encoder, or a name in the zoo. The reconstruction
error needs the model's likelihood, which an export does not have.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

MODEL = flags.DEFINE_string("model", None, "What to score: a folder, a file, or a name in the zoo.", required=True)
DATA = flags.DEFINE_string("data", None, "A data set; by default the one the model was trained on.")
OUTPUT = flags.DEFINE_string("output", None, "Where to write the scores, as JSON.")
METRICS = flags.DEFINE_list("metrics", ["all"], "Names of metrics, separated by commas, or all.")
METRIC = flags.DEFINE_multi_string(
    "metric", [], "NAME.PARAMETER=VALUE sets a parameter of a metric; the value is JSON or text. May be repeated."
)
IGNORE = flags.DEFINE_list("ignore", [], "Names of factors that vary but are not scored, separated by commas.")
CACHE = flags.DEFINE_string("cache", None, "A folder that keeps the codes for the next time.")
CEILINGS = flags.DEFINE_bool("ceilings", False, "Also score a perfect code, the factors themselves.")
QUICK = flags.DEFINE_bool("quick", False, "Fewer images and votes, for a first look.")
ACTIVE = flags.DEFINE_string(
    "active", "information", "Which latents count: information, kl, spread or all, or one with a threshold: kl:0.05."
)
SEED = flags.DEFINE_integer("seed", 0, "Determines the images that are drawn.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    from tfvae.evaluation import QUICKLY, evaluate
    from tfvae.files.atomic import written_whole
    from tfvae.loading import load
    from tfvae.metrics.parameters import overlaid

    metrics = "all" if METRICS.value == ["all"] else METRICS.value
    arguments = QUICKLY if QUICK.value else {}
    parameters = overlaid(arguments.get("parameters", {}), _parameters(METRIC.value, metrics))
    trained = load(MODEL.value)
    data = trained.load_data(DATA.value)
    scores = evaluate(
        trained,
        data,
        metrics=metrics,
        ignore=IGNORE.value,
        seed=SEED.value,
        cache=CACHE.value,
        active=ACTIVE.value,
        **{**arguments, "parameters": parameters},
    )
    if CEILINGS.value:
        _add_ceilings(scores, data)
    scores = {"model": str(MODEL.value), **scores}
    if OUTPUT.value:
        with written_whole(Path(OUTPUT.value)) as beside:
            beside.write_text(json.dumps(scores, indent=2) + "\n")
    print("\n".join(f"{name:>23}  {text}" for name, text in described(scores)))


def described(scores: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The lines about scores: a name and what to print for it."""
    for name, result in scores.items():
        if not isinstance(result, Mapping) or "score" not in result:
            continue
        if result["score"] is None:
            yield name, f"skipped: {result['skipped']}"
        else:
            ceiling = f"  (a perfect code: {result['ceiling']:.3f})" if "ceiling" in result else ""
            yield name, f"{result['score']:.3f} +- {result['standard_error']:.3f}{ceiling}"
    if "factors" in scores:
        from tfvae.data.factor_table import summary

        yield "factors", summary(scores["factors"])
    reconstruction, kl = scores.get("reconstruction"), scores.get("kl")
    if reconstruction is None:
        yield "reconstruction", "skipped: the model has no likelihood"
    else:
        yield "reconstruction", f"{reconstruction['nats']:.1f} +- {reconstruction['standard_error']:.1f} nats"
    if kl is None:
        yield "KL", "skipped: the codes have no posterior"
    else:
        latents = " ".join(f"{each:.2f}" for each in sorted(kl["latents"], reverse=True))
        yield "KL", f"{kl['total']:.2f} nats = {latents}"
    yield "latents", described_latents(scores["latents"])


def described_latents(latents: Mapping[str, Any]) -> str:
    """What `evaluate` says of latents, in a line: which count, and what each carries, in descending order."""
    active = latents["active"]
    text = f"{sum(active)} of {len(active)} count ({latents['rule']})"
    if "information" not in latents:
        return text
    carried = " ".join(f"{nats:.3f}" for nats in sorted(latents["information"], reverse=True))
    return f"{text}; each carries at most, in nats: {carried}"


def _parameters(assignments: Sequence[str], metrics: Any) -> dict[str, dict[str, Any]]:
    """The parameters that --metric sets, checked; all are of metrics that are scored, and none is set twice."""
    from tfvae.cli.values import assigned
    from tfvae.metrics.parameters import checked_parameters
    from tfvae.metrics.selection import selected

    chosen, found = selected(metrics), dict[str, dict[str, Any]]()
    for text in assignments:
        key, value = assigned("metric", text, form := "NAME.PARAMETER=VALUE")
        name, _, parameter = key.partition(".")
        if not parameter or parameter in found.get(name, ()):
            raise ValueError(f"Expected --metric={form}, each parameter once. Received: --metric={text}")
        if name not in chosen:
            raise ValueError(f"Expected --metric for a metric out of {list(chosen)}. Received: --metric={text}")
        found.setdefault(name, {})[parameter] = value
    return checked_parameters(chosen, found)


def _add_ceilings(scores: dict[str, Any], data: Any) -> None:
    """Adds "ceiling", the score of a perfect code of the same images, to each metric that needs factors."""
    from tfvae.evaluation import limited
    from tfvae.metrics import METRICS, ceiling

    supervised = [name for name in METRICS if name in scores and METRICS[name].needs_factors]
    names = [name for name in supervised if scores[name]["score"] is not None]
    if names:
        ignored = scores["factors"].get("ignored", ())
        images = limited(data, scores.get("limit", len(data)), scores["seed"])
        perfect = ceiling(images, metrics=names, seed=scores["seed"], parameters=scores["parameters"], ignore=ignored)
        for name in names:
            scores[name]["ceiling"] = perfect[name]["score"]
