"""Draws images that a GAN generates: samples of its prior, or reconstructions of images under other noise.

  tfvae generate --model=runs/info_gan --output=samples.png
  tfvae generate --model=runs/info_gan --output=reconstructions.png --reconstruct

In a row of reconstructions the codes are those of the framed image, and the noise differs: what changes is what the
codes leave to the noise.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

MODEL = flags.DEFINE_string("model", None, "A run's folder or a .keras file.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "The picture to write, .png.", required=True)
RECONSTRUCT = flags.DEFINE_bool("reconstruct", False, "Images and their reconstructions, instead of samples.")
DATA = flags.DEFINE_string("data", None, "A data set; by default the one the model was trained on.")
SEED = flags.DEFINE_integer("seed", 0, "Decides what is drawn.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    import numpy as np

    from tfvae.loading import load_trained
    from tfvae.models import InfoGAN
    from tfvae.plots.generated import plot_reconstructions, plot_samples, reconstructions_under_noise
    from tfvae.plots.tiles import save_png

    if Path(OUTPUT.value).suffix != ".png":
        raise ValueError(f"Expected --output to end in .png. Received: --output={OUTPUT.value}")
    trained = load_trained(MODEL.value)
    model = trained.model
    if not isinstance(model, InfoGAN):
        raise ValueError(
            f"Expected a model that generates from codes and noise, such as InfoGAN. Received: {MODEL.value}"
        )
    codes, noise = model.prior_draws(100, SEED.value)
    if RECONSTRUCT.value:
        source = trained.load_data(DATA.value)
        indices = np.random.default_rng(SEED.value).choice(len(source), 8, replace=False)
        images = (source.images(indices) / 255.0).astype(np.float32)
        drawn = reconstructions_under_noise(trained.represent, model.decode, images, noise[:9])
        figure = plot_reconstructions(images, drawn)
    else:
        figure = plot_samples(np.asarray(model.decode(codes, noise)))
    save_png(figure, OUTPUT.value)
    print(f"Drew what the model generates: {OUTPUT.value}")
