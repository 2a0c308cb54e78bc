"""Draws what each latent of a model does: originals, reconstructions, and one row for each latent, by descending KL.

  tfvae traverse --model=runs/factor_vae --output=traversals.png
  tfvae traverse --model=runs/factor_vae --output=traversals.gif --index=351200

The suffix decides: .png is the paper's figure, .gif is an animation.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

MODEL = flags.DEFINE_string("model", None, "A run's folder or a .keras file.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "The picture to write, .png or .gif.", required=True)
DATA = flags.DEFINE_string("data", None, "A data set; by default the one the model was trained on.")
INDEX = flags.DEFINE_integer("index", None, "The image whose latents are traversed; by default one at random.")
SEED = flags.DEFINE_integer("seed", 0, "Decides which images are drawn at random.", lower_bound=0)
RANGE = flags.DEFINE_float("range", None, "Each latent goes from minus to plus this; by default as far as its prior.")


def main(argv: Sequence[str]) -> None:
    from tfvae.loading import load_trained
    from tfvae.plots.traversals import draw_traversals

    path = Path(OUTPUT.value)
    if path.suffix not in (".png", ".gif"):
        raise ValueError(f"Expected --output to end in .png or .gif. Received: --output={path}")
    trained = load_trained(MODEL.value)
    if trained.model is None:
        raise ValueError(f"Expected a model with a decoder. Received an exported encoder: {MODEL.value}")
    reach = trained.model.traversal_range if RANGE.value is None else RANGE.value
    draw_traversals(
        path,
        trained.represent,
        trained.model.decode,
        trained.load_data(DATA.value),
        reach=reach,
        index=INDEX.value,
        seed=SEED.value,
    )
    print(f"Drew the traversals: {path}")
