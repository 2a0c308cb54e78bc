"""Draws images that a model generates: decoded draws of its prior, or reconstructions under different noise.

  tfvae generate --model=runs/factor_vae --output=samples.png
  tfvae generate --model=runs/info_gan --output=reconstructions.png --reconstruct

--reconstruct is for models whose decoder takes noise beside the code, such as InfoGAN. Each row has the code of the
framed image and different noise: it shows what the codes leave to the noise.
"""

from collections.abc import Sequence

from absl import flags

MODEL = flags.DEFINE_string("model", None, "A run's folder or a .keras file.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "The picture to write: .png, .pdf or .svg.", required=True)
RECONSTRUCT = flags.DEFINE_bool("reconstruct", False, "Draw images and their reconstructions instead of samples.")
DATA = flags.DEFINE_string("data", None, "A data set to reconstruct; by default the one the model was trained on.")
SEED = flags.DEFINE_integer("seed", 0, "Determines what is drawn.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    import numpy as np

    from tfvae.data.shapes import undrawable
    from tfvae.loading import load
    from tfvae.plots.figures import check_suffix, save_figure
    from tfvae.plots.generated import plot_reconstructions, reconstructions_under_noise
    from tfvae.plots.samples import plot_samples

    check_suffix(OUTPUT.value)
    trained = load(MODEL.value)
    able = trained.capabilities()
    if able.prior_draws is None or able.decode is None:
        missing = "a decoder" if able.decode is None else "a prior to draw codes from"
        raise ValueError(f"Expected a model with a prior and a decoder. Received: {MODEL.value}, without {missing}")
    if RECONSTRUCT.value and not able.noise_dim:
        raise ValueError(
            "Expected a model whose decoder takes noise, such as InfoGAN, for --reconstruct. "
            f"Received: {MODEL.value}, whose decoder takes only codes"
        )
    if reason := undrawable(trained.image_shape):
        raise ValueError(f"Expected a model of images of 1 or 3 channels. Received: {MODEL.value}: {reason}")
    draws = able.prior_draws(100, SEED.value)
    if RECONSTRUCT.value:
        data = trained.load_data(DATA.value)
        able.check_shape(data.image_shape)
        chosen = np.random.default_rng(SEED.value).choice(len(data), min(8, len(data)), replace=False)
        images = data.scaled(chosen)
        noise = draws[1][:9]
        figure = plot_reconstructions(images, reconstructions_under_noise(able.represent, able.decode, images, noise))
    else:
        figure = plot_samples(np.asarray(able.decode(*draws)))
    save_figure(figure, OUTPUT.value)
    print(f"Drew what the model generates: {OUTPUT.value}")
