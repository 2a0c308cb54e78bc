"""Exports a trained encoder or decoder as a SavedModel, which needs only TensorFlow, or as a TFLite or ONNX file.

  tfvae export --model=runs/factor_vae --output=saved_models/factor_vae/1
  tfvae export --model=runs/factor_vae --what=decoder --output=saved_models/factor_vae-decoder/1
  tfvae export --model=runs/factor_vae --format=tflite --output=factor_vae.tflite
  tfvae export --model=factor_vae-dsprites --format=onnx --output=factor_vae.onnx
  tfvae export --model=dip_vae_ii-dsprites --rotate --output=saved_models/turned/1

A SavedModel's folder is <name>/<version>, the layout of TensorFlow Serving. A TFLite or ONNX file is compared with the
SavedModel, an encoder's on images of the data, and not written if it differs. Nothing is overwritten.

--rotate exports a VAE whose latents are turned to independent axes (`tfvae.rotate`); with the same data, an encoder and
its decoder are turned alike.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

if TYPE_CHECKING:
    from tfvae.loading import Trained
    from tfvae.models.base import Model

MODEL = flags.DEFINE_string(
    "model",
    None,
    "What to export: a run's folder or a .keras file; as TFLite or ONNX also a SavedModel or a name in the zoo, and "
    "with --rotate a name in the zoo.",
    required=True,
)
OUTPUT = flags.DEFINE_string(
    "output", None, "The new folder <name>/<version>, the version an integer, or the new file.", required=True
)
WHAT = flags.DEFINE_enum("what", "encoder", ["encoder", "decoder"], "Which network.")
FORMAT = flags.DEFINE_enum(
    "format", "saved_model", ["saved_model", "tflite", "onnx"], "The format. ONNX needs tfvae[onnx]."
)
ROTATE = flags.DEFINE_bool("rotate", False, "Turn the latents to independent axes first: see docs/guides/rotating.md.")
DATA = flags.DEFINE_string(
    "data", None, "Images to turn the latents by and to compare an encoder on; by default those it was trained on."
)
SCORES = flags.DEFINE_string("scores", None, "Scores from tfvae evaluate, for the provenance in a SavedModel.")


def main(argv: Sequence[str]) -> None:
    if FORMAT.value == "saved_model":
        _export_saved_model()
        print(f"Exported the {WHAT.value}: {OUTPUT.value}")
        return
    differences = _convert()
    compared = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    print(f"Exported the {WHAT.value}: {OUTPUT.value}, largest differences from the SavedModel: {compared}")


def _export_saved_model() -> None:
    from tfvae.export import Provenance, export_decoder, export_encoder
    from tfvae.export.folders import check_version
    from tfvae.files.state import read_object

    check_version(Path(OUTPUT.value))
    trained = _loaded()
    if trained.model is None:
        raise ValueError(f"Expected a run's folder or a .keras file. Received an export: {MODEL.value}")
    _source(trained)
    scores = read_object(SCORES.value, "scores of tfvae evaluate") if SCORES.value else None
    # The scores' digest is that of the data they were computed on.
    digest = None
    if scores is not None and trained.experiment is not None and scores.get("data") == trained.experiment.data:
        digest = scores["digest"]
    rotated_on = trained.load_data(DATA.value).name if ROTATE.value else None
    provenance = Provenance(trained.experiment, scores, digest, rotated_on)
    export = export_encoder if WHAT.value == "encoder" else export_decoder
    export(trained.model, OUTPUT.value, provenance=provenance)


def _convert() -> dict[str, float]:
    from tfvae.export.conversion import check_target, convert

    check_target(OUTPUT.value, FORMAT.value)
    # The folder of a decoder is not a trained model, which has an encoder at least.
    if WHAT.value == "decoder" and not ROTATE.value and (Path(MODEL.value) / "saved_model.pb").exists():
        return convert(MODEL.value, OUTPUT.value, format=FORMAT.value, what="decoder")
    trained = _loaded()
    data = trained.load_data(DATA.value) if WHAT.value == "encoder" else None
    return convert(_source(trained), OUTPUT.value, format=FORMAT.value, what=WHAT.value, data=data)


def _loaded() -> "Trained":
    """The trained model, turned if that is asked for."""
    import dataclasses

    from tfvae.loading import load, load_to_train
    from tfvae.models.rotation import rotate

    trained = load(MODEL.value)
    if not ROTATE.value:
        return trained
    model, data = trained.model or load_to_train(MODEL.value), trained.load_data(DATA.value)
    try:
        turned = rotate(model, data)
    except TypeError as error:  # a class that it does not turn: the user's choice of a model here
        raise ValueError(str(error)) from error
    return dataclasses.replace(
        trained, model=turned, represent=turned.capabilities().represent, exported=None, decoder=None
    )


def _source(trained: "Trained") -> "Model | Path":
    source = trained.source_of(WHAT.value)
    if source is None:
        raise ValueError(f"Expected a model with a {WHAT.value}. Received: {MODEL.value}, which has none")
    return source
