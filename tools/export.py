"""Exports a trained model's encoder or decoder as a SavedModel, which needs TensorFlow alone.

  python tools/export.py --model=runs/factor_vae --output=saved_models/factor_vae/1
  python tools/export.py --model=runs/factor_vae --what=decoder --output=saved_models/factor_vae-decoder/1

The folder is TensorFlow Serving's own layout, <name>/<version>. A version that exists is never overwritten.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import start  # before anything that imports TensorFlow
from absl import flags

from tfvae.export import Provenance, export_decoder, export_encoder
from tfvae.loading import load_trained

MODEL = flags.DEFINE_string("model", None, "What to export: a run's folder or a .keras file.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "A new folder <name>/<version>, the version an integer.", required=True)
WHAT = flags.DEFINE_enum("what", "encoder", ["encoder", "decoder"], "Which network.")
SCORES = flags.DEFINE_string("scores", None, "A JSON file of tools/evaluate.py, for the provenance in the export.")


def main(argv: Sequence[str]) -> None:
    trained = load_trained(MODEL.value)
    if trained.model is None:
        raise ValueError(f"Expected a run's folder or a .keras file. Received an exported encoder: {MODEL.value}")
    scores = json.loads(Path(SCORES.value).read_text()) if SCORES.value else None
    # The scores' digest is that of the data they were computed on.
    digest = None
    if scores is not None and trained.experiment is not None and scores.get("data") == trained.experiment.data:
        digest = scores["digest"]
    provenance = Provenance(trained.experiment, scores, digest)
    export = export_encoder if WHAT.value == "encoder" else export_decoder
    export(trained.model, OUTPUT.value, provenance=provenance)
    print(f"Exported the {WHAT.value}: {OUTPUT.value}")


if __name__ == "__main__":
    start.run(main)
