"""Factors of images that do not form a grid."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, NoReturn

import numpy as np

from tfvae.data.factors import checked_indices


class FactorTable:
    """The factors of N images as a table, as `FactorSpace` has those of a grid.

    Images share a value of a factor only if the values are exactly equal. For a continuous factor, an image often
    shares its value only with itself.

    Args:
        names: names of the K factors, all different.
        table: numbers [N, K], a row for each image.
        continuous: which factors are continuous, K booleans; by default those whose values are not all whole numbers.

    Raises:
        ValueError: if the shapes do not match, a name is repeated, or a value is not finite.
        TypeError: if the table does not hold numbers.
    """

    is_grid: ClassVar[bool] = False

    def __init__(self, names: Sequence[str], table: np.ndarray, *, continuous: Sequence[bool] | None = None) -> None:
        names, table = tuple(names), np.asarray(table)
        if table.dtype.kind not in "biuf":
            raise TypeError(f"Expected a table of numbers. Received: dtype={table.dtype}")
        if table.ndim != 2 or 0 in table.shape or table.shape[1] != len(names):
            raise ValueError(f"Expected a table [N, {len(names)}] for {names}. Received: shape={table.shape}")
        if len(set(names)) != len(names):
            raise ValueError(f"Expected names that are all different. Received: names={names}")
        if continuous is not None and len(continuous) != len(names):
            raise ValueError(f"Expected {len(names)} booleans. Received: continuous={continuous}")
        if not np.isfinite(table).all():
            bad = [name for name, column in zip(names, table.T, strict=True) if not np.isfinite(column).all()]
            raise ValueError(f"Expected finite values. Received: NaN or infinity in {bad}")
        self.names = names
        self._table = table.astype(np.float64)
        distinct = [np.unique(column, return_inverse=True) for column in self._table.T]
        self.values: tuple[np.ndarray, ...] = tuple(values for values, _ in distinct)
        if continuous is None:
            continuous = [bool((values != np.round(values)).any()) for values in self.values]
        self.continuous = tuple(continuous)
        self._ranks = np.stack([ranks for _, ranks in distinct], axis=-1).astype(np.int64)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of distinct values of each factor, K integers."""
        return tuple(len(values) for values in self.values)

    def __len__(self) -> int:
        return len(self._table)

    def to_index(self, factors: np.ndarray) -> NoReturn:
        """Raises a ValueError: in a table, a row of factors may have no image, or several."""
        raise ValueError(f"Expected data whose factors form a grid. Received: a table of {len(self)} rows")

    def to_factors(self, indices: np.ndarray) -> np.ndarray:
        """Returns the ranks of the images' values among the distinct values, int64 [N, K], for indices int [N]."""
        return self._ranks[checked_indices(indices, len(self))]

    def values_of(self, indices: np.ndarray) -> np.ndarray:
        """Returns the values of the factors of the images at `indices`, int [N]: float64 [N, K]."""
        return self._table[checked_indices(indices, len(self))]

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws the places of n images uniformly, int64 [n]."""
        return rng.integers(0, len(self), size=n, dtype=np.int64)

    def partners(self, indices: np.ndarray, column: int, rng: np.random.Generator) -> np.ndarray:
        """As `FactorSpace.partners`."""
        ranks = self.to_factors(indices)[:, column]
        order, starts = self._groups[column]
        return order[starts[ranks] + rng.integers(0, starts[ranks + 1] - starts[ranks])]

    @cached_property
    def _groups(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each factor, the images sorted by its value, and the start of each value among them."""
        counts = [np.bincount(ranks, minlength=size) for ranks, size in zip(self._ranks.T, self.sizes, strict=True)]
        orders = np.argsort(self._ranks, axis=0, kind="stable")
        return [(order, np.concatenate([[0], np.cumsum(count)])) for order, count in zip(orders.T, counts, strict=True)]
