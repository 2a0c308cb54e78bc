"""The images at both ends of each latent: those whose codes are lowest and highest in it."""

from dataclasses import dataclass

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.codes.latents import latent_information


@dataclass(frozen=True)
class Extremes:
    """Images at both ends of R latents, n at each end.

    Args:
        latents: int [R], by descending information; in ascending order without it.
        information: float [R], what each latent carries, in nats: see `tfvae.codes.latent_information`; None for codes
            without a posterior.
        low: int [R, n], the places of the images with the lowest means, the lowest first.
        high: int [R, n], those with the highest, the highest last.
        low_values, high_values: float [R, n], these means.
    """

    latents: np.ndarray
    information: np.ndarray | None
    low: np.ndarray
    high: np.ndarray
    low_values: np.ndarray
    high_values: np.ndarray


def extremes(codes: Codes, *, count: int = 5, num_images: int = 10_000, seed: int = 0) -> Extremes:
    """Finds the images at both ends of each latent that counts.

    What the images of one end have in common, and those of the other end have not, is what the latent stands for. These
    are images of the data, which need no decoder. A category has no ends.

    Args:
        codes: codes of a data set.
        count: int >= 1, the number of images at each end (n); half of the images where there are fewer.
        num_images: int >= 2, random images among which the ends are found; all where there are fewer.
        seed: int >= 0, decides which.

    Returns:
        `Extremes`.

    Raises:
        ValueError: if a number is out of range, there is only one image, or no latent counts.

    Examples:
        >>> from tfvae.analysis.extremes import extremes
        >>> data = tfvae.data.as_image_data(np.zeros([6, 16, 16, 1]))
        >>> codes = tfvae.codes.Codes.from_arrays(data, np.array([[0.0], [5.0], [2.0], [9.0], [1.0], [4.0]]))
        >>> found = extremes(codes, count=2)
        >>> found.low.tolist(), found.high.tolist()
        ([[0, 4]], [[1, 3]])
    """
    if count < 1 or num_images < 2:
        raise ValueError(f"Expected count >= 1 and num_images >= 2. Received: count={count}, num_images={num_images}")
    places = codes.data.random_indices(num_images, np.random.default_rng(seed))
    if len(places) < 2:
        raise ValueError(f"Expected two images or more. Received: {len(places)}")
    means = codes.means(places)
    latents = np.array([k for k in np.flatnonzero(codes.active_latents()) if k not in codes.discrete], int)
    if not latents.size:
        raise ValueError(f"Expected a continuous latent that counts ({codes.active}). Received: none")
    information = latent_information(codes.outputs(places))
    if information is not None:
        latents = latents[np.argsort(-information[latents], kind="stable")]
    order = np.argsort(means[:, latents], axis=0, kind="stable").T
    count = min(count, len(places) // 2)
    low, high = order[:, :count], order[:, -count:]
    return Extremes(
        latents=latents,
        information=None if information is None else information[latents],
        low=places[low],
        high=places[high],
        low_values=means[low, latents[:, np.newaxis]],
        high_values=means[high, latents[:, np.newaxis]],
    )
