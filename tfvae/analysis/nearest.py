"""The images whose codes are nearest to those of given images."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.data.arrays import as_image_data
from tfvae.data.images import ImageData

# Between two codes of different categories: as far as two random images are in another latent, on average.
_OTHER_CATEGORY = 2.0


@dataclass(frozen=True)
class Nearest:
    """The nearest images of Q images, n of each.

    Args:
        images: uint8 [Q, H, W, C] in 0 .. 255, the images that neighbours were asked for.
        places: int [Q, n], the places of the nearest images in the data, the nearest first.
        distances: float [Q, n], how far their codes are.
    """

    images: np.ndarray
    places: np.ndarray
    distances: np.ndarray


def nearest(codes: Codes, images: Any, *, count: int = 8, num_images: int = 100_000, seed: int = 0) -> Nearest:
    """Finds the images that a model sees as most alike.

        d(x, y)^2 = sum_j (mu_j(x) - mu_j(y))^2 / Var mu_j    over the latents j that count

    So all latents have the same weight, whatever their scale. A different category adds 2, the average of a term over
    pairs of images.

    Args:
        codes: codes of a data set, in which neighbours are found.
        images: int [Q], places of images of the data, which are not their own neighbours; or other images, as
            `tfvae.data.as_image_data` takes them.
        count: int >= 1, the number of neighbours (n); all other images where there are fewer.
        num_images: int >= 2, random images among which neighbours are found; all where there are fewer.
        seed: int >= 0, decides which.

    Returns:
        `Nearest`.

    Raises:
        ValueError: if a number is out of range, no latent counts, or other images have another shape than the data's.
        IndexError: if a place is out of range.
        TypeError: if `images` is something else.

    Examples:
        >>> from tfvae.analysis.nearest import nearest
        >>> data = tfvae.data.as_image_data(np.zeros([4, 16, 16, 1]))
        >>> codes = tfvae.codes.Codes.from_arrays(data, np.array([[0.0], [5.0], [2.0], [9.0]]))
        >>> nearest(codes, [1], count=2).places.tolist()
        [[2, 3]]
    """
    if count < 1 or num_images < 2:
        raise ValueError(f"Expected count >= 1 and num_images >= 2. Received: count={count}, num_images={num_images}")
    active, data = codes.active_latents(), codes.data
    if not active.any():
        raise ValueError(f"Expected a latent that counts ({codes.active}). Received: none")
    queries = None if isinstance(images, ImageData | tuple) else np.asarray(images)
    if queries is not None and (queries.ndim != 1 or queries.dtype.kind not in "iu"):
        queries = None  # images that are not of the data
    if queries is not None:
        means, pixels = codes.means(queries), data.images(queries)
    else:
        others = as_image_data(images)
        if others.image_shape != data.image_shape:
            raise ValueError(f"Expected images of shape {data.image_shape}. Received: {others.image_shape}")
        every = np.arange(len(others))
        means, pixels = Codes(codes.capabilities, others).means(every), others.images(every)
    among = data.random_indices(num_images, np.random.default_rng(seed))
    candidates = codes.means(among).astype(np.float64)
    continuous = active & ~np.isin(np.arange(len(active)), codes.discrete)
    scale = candidates[:, continuous].std(axis=0)
    scale[scale == 0] = 1  # of a latent that varies over other images alone
    category = [k for k in codes.discrete if active[k]]
    count = min(count, len(among) - (queries is not None))
    if count < 1:
        raise ValueError(f"Expected two images or more. Received: {len(among)}")
    places, distances = [], []
    for row, mean in enumerate(means):
        squares = (((candidates[:, continuous] - mean[continuous]) / scale) ** 2).sum(axis=1)
        squares += _OTHER_CATEGORY * (candidates[:, category] != mean[category]).sum(axis=1)
        if queries is not None:
            squares[among == queries[row]] = np.inf
        order = np.argsort(squares, kind="stable")[:count]
        places.append(among[order])
        distances.append(np.sqrt(squares[order]))
    return Nearest(pixels, np.array(places), np.array(distances))
