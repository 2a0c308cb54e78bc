"""Scores a model: the metrics of the paper, the reconstruction error, and the KL of each latent.

  python tools/evaluate.py --model=runs/factor_vae --output=scores.json
  python tools/evaluate.py --model=factor_vae-dsprites --quick

The model is a run's folder, a .keras file, a SavedModel's folder, or a name of the zoo. An exported encoder is scored
by the same code as a Keras model; its reconstruction error needs a decoder, which it lacks.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import start  # before anything that imports TensorFlow
from absl import flags

from tfvae import data
from tfvae.atomic import written_whole
from tfvae.evaluation import QUICK, evaluate
from tfvae.loading import load_trained
from tfvae.metrics import METRICS

MODEL = flags.DEFINE_string("model", None, "What to score: a folder, a file, or a name of the zoo.", required=True)
DATA = flags.DEFINE_string("data", None, "A data set with known factors; by default the one the model was trained on.")
OUTPUT = flags.DEFINE_string("output", None, "Where to write the scores, as JSON.")
QUICKLY = flags.DEFINE_bool("quick", False, "Fewer images and votes: for a first look, not for a report.")
SEED = flags.DEFINE_integer("seed", 0, "Decides the images that are drawn.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    trained = load_trained(MODEL.value)
    name = DATA.value or (trained.experiment.data if trained.experiment else None)
    if name is None:
        raise ValueError("Expected --data: there is no experiment beside the model that would name it")
    scores = evaluate(
        trained.represent,
        data.load(name),
        decode=getattr(trained.model, "decoder", None),  # a GAN has no likelihood
        seed=SEED.value,
        images=2_000 if QUICKLY.value else 10_000,
        parameters=QUICK if QUICKLY.value else None,
        progress=True,
    )
    scores = {"model": str(MODEL.value), **scores}
    if OUTPUT.value:
        with written_whole(Path(OUTPUT.value)) as beside:
            beside.write_text(json.dumps(scores, indent=2) + "\n")
    for metric in METRICS:
        print(f"{metric:>14}  {scores[metric]['score']:.3f} +- {scores[metric]['standard_error']:.3f}")
    if "reconstruction" in scores:
        print(f"reconstruction  {scores['reconstruction']['nats']:.1f} nats")
    if "kl" in scores:
        latents = " ".join(f"{kl:.2f}" for kl in sorted(scores["kl"]["latents"], reverse=True))
        print(f"            KL  {scores['kl']['total']:.2f} nats = {latents}")


if __name__ == "__main__":
    start.run(main)
