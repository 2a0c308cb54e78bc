"""Exports a trained encoder or decoder: as a SavedModel, which needs TensorFlow alone, or as a TFLite or ONNX file.

  tfvae export --model=runs/factor_vae --output=saved_models/factor_vae/1
  tfvae export --model=runs/factor_vae --what=decoder --output=saved_models/factor_vae-decoder/1
  tfvae export --model=runs/factor_vae --format=tflite --output=factor_vae.tflite
  tfvae export --model=factor_vae-dsprites --format=onnx --output=factor_vae.onnx

A SavedModel's folder is TensorFlow Serving's own layout, <name>/<version>. A TFLite or ONNX file is compared with the
SavedModel, an encoder's on images of the data, and not written if it differs. What exists is never overwritten.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from absl import flags

MODEL = flags.DEFINE_string(
    "model",
    None,
    "What to export: a run's folder or a .keras file; into one file also a SavedModel's folder or a name of the zoo.",
    required=True,
)
OUTPUT = flags.DEFINE_string(
    "output", None, "What is new: a folder <name>/<version>, the version an integer, or a file.", required=True
)
WHAT = flags.DEFINE_enum("what", "encoder", ["encoder", "decoder"], "Which network.")
FORMAT = flags.DEFINE_enum(
    "format", "saved_model", ["saved_model", "tflite", "onnx"], "As what. ONNX needs tfvae[onnx]."
)
DATA = flags.DEFINE_string("data", None, "Images to compare a file on; by default what the model was trained on.")
SCORES = flags.DEFINE_string("scores", None, "A JSON file of tfvae evaluate, for the provenance in a SavedModel.")


def main(argv: Sequence[str]) -> None:
    from tfvae import data
    from tfvae.export.conversion import convert

    if FORMAT.value == "saved_model":
        _export_saved_model()
        print(f"Exported the {WHAT.value}: {OUTPUT.value}")
        return
    images = data.load(DATA.value) if DATA.value else None
    differences = convert(MODEL.value, OUTPUT.value, format=FORMAT.value, what=WHAT.value, data=images)
    compared = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    print(f"Exported the {WHAT.value}: {OUTPUT.value}, largest differences from the SavedModel: {compared}")


def _export_saved_model() -> None:
    from tfvae.export import Provenance, export_decoder, export_encoder
    from tfvae.loading import load_trained

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
