"""Scores a model: disentanglement metrics, the reconstruction error, and the KL of each latent.

  tfvae evaluate --model=runs/factor_vae --output=scores.json
  tfvae evaluate --model=factor_vae-dsprites --metrics=mig,dci --cache=codes
  tfvae evaluate --model=factor_vae-dsprites --quick

The model is a run's folder, a .keras file, a SavedModel's folder, or a name of the zoo. An exported encoder is scored
by the same code as a Keras model; its reconstruction error needs a decoder, which it lacks.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

MODEL = flags.DEFINE_string("model", None, "What to score: a folder, a file, or a name of the zoo.", required=True)
DATA = flags.DEFINE_string("data", None, "A data set with known factors; by default the one the model was trained on.")
OUTPUT = flags.DEFINE_string("output", None, "Where to write the scores, as JSON.")
METRICS = flags.DEFINE_list("metrics", ["all"], "Names of metrics, with commas, or all.")
CACHE = flags.DEFINE_string("cache", None, "A folder to keep the codes in, to be read the next time.")
CEILINGS = flags.DEFINE_bool("ceilings", False, "Also score the factors themselves: what a perfect code would get.")
QUICKLY = flags.DEFINE_bool("quick", False, "Fewer images and votes: for a first look, not for a report.")
SEED = flags.DEFINE_integer("seed", 0, "Decides the images that are drawn.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    from tfvae.evaluation import QUICK, evaluate
    from tfvae.files.atomic import written_whole
    from tfvae.loading import load_trained

    trained = load_trained(MODEL.value)
    scores = evaluate(
        trained.represent,
        trained.load_data(DATA.value),
        metrics="all" if METRICS.value == ["all"] else METRICS.value,
        log_likelihood=getattr(trained.model, "log_likelihood", None),  # a GAN has none
        seed=SEED.value,
        images=2_000 if QUICKLY.value else 10_000,
        limit=10_000 if QUICKLY.value else None,
        ceilings=CEILINGS.value,
        progress=True,
        parameters=QUICK if QUICKLY.value else None,
        cache=CACHE.value,
        model=trained.model,
    )
    scores = {"model": str(MODEL.value), **scores}
    if OUTPUT.value:
        with written_whole(Path(OUTPUT.value)) as beside:
            beside.write_text(json.dumps(scores, indent=2) + "\n")
    for metric, result in scores.items():
        if isinstance(result, dict) and "score" in result:
            print(f"{metric:>23}  {described(result)}")
    if "reconstruction" in scores:
        print(f"         reconstruction  {scores['reconstruction']['nats']:.1f} nats")
    if "kl" in scores:
        latents = " ".join(f"{kl:.2f}" for kl in sorted(scores["kl"]["latents"], reverse=True))
        print(f"                     KL  {scores['kl']['total']:.2f} nats = {latents}")


def described(result: Mapping[str, Any]) -> str:
    if "skipped" in result:
        return f"skipped: {result['skipped']}"
    ceiling = f"  (a perfect code: {result['ceiling']:.3f})" if "ceiling" in result else ""
    return f"{result['score']:.3f} +- {result['standard_error']:.3f}{ceiling}"
