"""Scores a model: disentanglement metrics, the reconstruction error, and the KL of each latent.

  tfvae evaluate --model=runs/factor_vae --output=scores.json
  tfvae evaluate --model=factor_vae-dsprites --metrics=mig,dci --cache=codes
  tfvae evaluate --model=factor_vae-dsprites --quick
  tfvae evaluate --model=factor_vae-dsprites --ignore=shape --metric=beta_vae.classifier=adagrad

The model is a run's folder, a .keras file, the folder of an exported encoder, or a name in the zoo. The reconstruction
error needs the model's likelihood, which an export does not have.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

INTERRUPTED = "Interrupted. No scores were written; the same command starts over, with the codes that --cache keeps."

MODEL = flags.DEFINE_string("model", None, "What to score: a folder, a file, or a name in the zoo.", required=True)
DATA = flags.DEFINE_string("data", None, "A data set; by default the one the model was trained on.")
OUTPUT = flags.DEFINE_string("output", None, "Where to write the scores, as JSON.")
METRICS = flags.DEFINE_list(
    "metrics", ["all"], "Names of metrics, separated by commas, or all: those that are not costly."
)
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
    from tfvae.evaluation import QUICKLY, evaluate, with_ceilings
    from tfvae.files.atomic import written_whole
    from tfvae.loading import load
    from tfvae.metrics.parameters import overlaid
    from tfvae.metrics.scores import Scores

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
        scores = with_ceilings(scores, data)
    scores = Scores({"model": str(MODEL.value), **scores})
    if OUTPUT.value:
        with written_whole(Path(OUTPUT.value)) as beside:
            beside.write_text(json.dumps(scores, indent=2) + "\n")
    print(scores)


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
