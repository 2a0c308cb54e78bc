"""Exports a trained model's encoder as a SavedModel, which needs TensorFlow alone.

  python tools/export.py --model=runs/factor_vae --output=saved_models/factor_vae/1

The folder is TensorFlow Serving's own layout, <name>/<version>. A version that exists is never overwritten.
"""

from collections.abc import Sequence

import start  # before anything that imports TensorFlow
from absl import flags

from tfvae.export import export_encoder
from tfvae.loading import load_trained

MODEL = flags.DEFINE_string("model", None, "What to export: a run's folder or a .keras file.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "A new folder <name>/<version>, the version an integer.", required=True)


def main(argv: Sequence[str]) -> None:
    model = load_trained(MODEL.value).model
    if model is None:
        raise ValueError(f"Expected a run's folder or a .keras file. Received an exported encoder: {MODEL.value}")
    export_encoder(model, OUTPUT.value)
    print(f"Exported the encoder: {OUTPUT.value}")


if __name__ == "__main__":
    start.run(main)
