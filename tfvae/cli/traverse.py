"""Draws how images change with each latent: originals, reconstructions, and a row for each latent, by what it carries.

  tfvae traverse --model=runs/factor_vae --output=traversals.png
  tfvae traverse --model=factor_vae-dsprites --output=traversals.gif --index=351200

The model is a run's folder, a .keras file, a name in the zoo, or the folder <name>/<version> of an exported encoder
next to <name>-decoder/<version>. A .png, .pdf or .svg is the paper's figure, a .gif is an animation. Each latent goes
from two standard deviations below its mean over 256 random images to two above, and the picture says from where to
where; the latents of GANs go over the range of their prior.
"""

from collections.abc import Sequence

from absl import flags

MODEL = flags.DEFINE_string("model", None, "A folder, a .keras file, or a name in the zoo.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "The picture to write: .png, .pdf, .svg or .gif.", required=True)
DATA = flags.DEFINE_string("data", None, "A data set; by default the one the model was trained on.")
INDEX = flags.DEFINE_integer("index", None, "The image whose latents are traversed; by default one at random.")
SEED = flags.DEFINE_integer("seed", 0, "Determines which images are drawn at random.", lower_bound=0)
RANGE = flags.DEFINE_float(
    "range", None, "Each latent goes from minus to plus this; by default as far as the codes of the data lie."
)


def main(argv: Sequence[str]) -> None:
    from tfvae.loading import load
    from tfvae.plots.figures import check_suffix
    from tfvae.plots.traversals import draw_traversals

    path = check_suffix(OUTPUT.value, ".gif")
    trained = load(MODEL.value)
    if trained.capabilities().decode is None:
        raise ValueError(f"Expected a model with a decoder. Received: {MODEL.value}, which has none")
    data = trained.load_data(DATA.value)
    draw_traversals(path, trained, data, reach=RANGE.value, index=INDEX.value, seed=SEED.value)
    print(f"Drew the traversals: {path}")
