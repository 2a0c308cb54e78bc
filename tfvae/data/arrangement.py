"""Finds out whether a table of factors is a full grid in some order."""

import math
from collections.abc import Sequence

import numpy as np

from tfvae.data.factor_table import Continuous, FactorTable
from tfvae.data.factors import Factors, FactorSpace
from tfvae.data.images import Images


def arranged(
    names: Sequence[str], table: np.ndarray, continuous: Continuous | None = None
) -> tuple[Factors, np.ndarray]:
    """Returns the factors of images, and the order of the images by them.

    Args:
        names: names of the K factors.
        table: numbers or text [N, K], a row for each image.
        continuous: as `FactorTable` takes it. The factors of a grid are discrete in any case.

    Returns:
        A `FactorSpace` of the values that occur, if each combination of them occurs once, else a `FactorTable`; and
        int64 [N], for each place in the order of the factors, the image (the row of the table) that belongs there.

    Raises:
        ValueError: as `FactorTable` does.
        TypeError: as `FactorTable` does.
    """
    rows = FactorTable(names, table, continuous=continuous)
    every = np.arange(len(rows))
    if math.prod(rows.sizes) == len(rows):
        places = np.ravel_multi_index(tuple(rows.to_factors(every).T), rows.sizes)
        order = np.argsort(places, kind="stable")
        if np.array_equal(places[order], every):
            return FactorSpace(rows.names, rows.values, rows.labels), order
    return rows, every


class Reordered:
    """Images in another order, read as they are requested.

    Args:
        images: uint8 [N, H, W, C].
        order: int64 [N], for each place, the image that belongs there.
    """

    def __init__(self, images: Images, order: np.ndarray) -> None:
        self._images, self._order = images, order
        self.shape = (len(order), *images.shape[1:])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self._images[self._order[indices]]
