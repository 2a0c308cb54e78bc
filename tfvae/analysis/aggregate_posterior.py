"""The marginals of q(z), to compare with the prior."""

from dataclasses import dataclass

import numpy as np

from tfvae.analysis.mixture import gaussian_log_density, mixture_log_density, posteriors, sampled
from tfvae.codes.codes import Codes
from tfvae.codes.latents import latent_information, latent_kl
from tfvae.codes.subset import subset


@dataclass(frozen=True)
class Marginals:
    """The distribution of each latent over the data.

    Args:
        edges: float64 [M + 1], the edges of the histogram's bins.
        histogram: float64 [D, M], the fraction of draws z_j ~ q(z_j) in a bin, divided by its width.
        grid: float64 [G], values of a latent.
        density: float64 [D, G], q(z_j) there.
        prior: float64 [G], p(z_j) = N(0, 1) there.
        kl: float64 [D], KL(q(z_j|x) || p(z_j)) averaged over the images, in nats.
        information: float64 [D], what each latent carries, in nats: see `tfvae.codes.latent_information`.
    """

    edges: np.ndarray
    histogram: np.ndarray
    grid: np.ndarray
    density: np.ndarray
    prior: np.ndarray
    kl: np.ndarray
    information: np.ndarray


def marginals(
    codes: Codes, rng: np.random.Generator, *, images: int = 10_000, bins: int = 60, points: int = 241
) -> Marginals:
    """Marginals of the aggregate posterior (Kim & Mnih, 2018, Figure 40).

    q(z_j) = (1/N) sum_i q(z_j|x_i), over N random images. The histogram has one draw per image; the density is exact.

    Args:
        codes: codes with a posterior.
        rng: source of all randomness.
        images: int >= 1, the number of random images (N); all images if there are fewer.
        bins: int >= 1, the number of bins of the histogram (M). They span all draws, and at least -4 to 4.
        points: int >= 2, the number of values at which the density is computed (G), over the same span.

    Raises:
        ValueError: if a number is out of range, or the codes have no posterior.

    Examples:
        >>> from tfvae.analysis.aggregate_posterior import marginals
        >>> data = tfvae.data.load("dsprites")
        >>> codes = tfvae.codes.Codes(tfvae.zoo.load_encoder("vae-dsprites"), data)
        >>> marginals(codes, np.random.default_rng(0), images=20).histogram.shape
        (10, 60)
    """
    if images < 1 or bins < 1 or points < 2:
        raise ValueError(
            f"Expected images >= 1, bins >= 1 and points >= 2. Received: images={images}, bins={bins}, points={points}"
        )
    sample = subset(len(codes.data), images, rng)
    mean, log_variance = posteriors(codes, sample)
    z = sampled(mean, log_variance, rng)
    half = max(4.0, float(np.abs(z).max()))
    edges, grid = np.linspace(-half, half, bins + 1), np.linspace(-half, half, points)
    outputs = {"mean": mean, "log_variance": log_variance}
    kl, information = latent_kl(outputs), latent_information(outputs)
    assert kl is not None
    assert information is not None
    _, log_density = mixture_log_density(np.repeat(grid[:, np.newaxis], z.shape[1], axis=1), mean, log_variance)
    return Marginals(
        edges=edges,
        histogram=np.stack([np.histogram(column, edges, density=True)[0] for column in z.T]),
        grid=grid,
        density=np.exp(log_density).T,
        prior=np.exp(gaussian_log_density(grid, np.zeros(1), np.zeros(1))),
        kl=kl,
        information=information,
    )
