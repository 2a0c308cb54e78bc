"""A few labelled images out of data with known factors, for models that learn from them."""

import numpy as np

from tfvae.data.images import ImageData


def labelled(data: ImageData, number: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draws images and the labels of their factors, as `Model.supervise` takes them.

    Args:
        data: images with known factors.
        number: how many images, in 1 .. N; all differ.
        seed: chooses them.

    Returns:
        Images float32 [number, H, W, C] in [0, 1], and labels float32 [number, K] of the K factors that vary, in their
        order: the n-th of a factor's m values is n / m, from 0, as in Locatello et al.'s code.

    Raises:
        ValueError: if the data have no factors that vary or fewer images, or the number is not an integer.

    Examples:
        >>> factors = tfvae.data.FactorSpace(["x", "y"], [range(4), range(2)])
        >>> images = np.zeros([8, 16, 16, 1], np.uint8)
        >>> data = tfvae.data.GroundTruthData("grid", factors, images)
        >>> tfvae.data.labelled(data, 3)[1].shape
        (3, 2)
    """
    factors = data.factors
    if factors is None or not any(size > 1 for size in factors.sizes):
        raise ValueError(f"Expected data with known factors that vary. Received: {data.name!r}, which has none")
    if not isinstance(number, int | np.integer) or not 1 <= number <= len(data):
        raise ValueError(f"Expected 1 to {len(data)} labelled images of {data.name!r}. Received: {number!r}")
    chosen = np.sort(np.random.default_rng(seed).choice(len(data), number, replace=False))
    varying = np.flatnonzero(np.array(factors.sizes) > 1)
    labels = factors.to_factors(chosen)[:, varying] / np.array(factors.sizes)[varying]
    return data.scaled(chosen), labels.astype(np.float32)
