"""Factors of variation, and the grid that they span."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np


class Factors(Protocol):
    """The factors of N images, as metrics use them: a grid (`FactorSpace`) or a table (`FactorTable`)."""

    is_grid: ClassVar[bool]

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def values(self) -> tuple[np.ndarray, ...]: ...

    @property
    def sizes(self) -> tuple[int, ...]: ...

    @property
    def continuous(self) -> tuple[bool, ...]: ...

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]: ...

    def __len__(self) -> int: ...

    def to_index(self, factors: np.ndarray) -> np.ndarray: ...

    def to_factors(self, indices: np.ndarray) -> np.ndarray: ...

    def values_of(self, indices: np.ndarray) -> np.ndarray: ...

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray: ...

    def partners(self, indices: np.ndarray, column: int, rng: np.random.Generator) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class FactorSpace:
    """A full grid of discrete factors of variation, in C order: the last factor varies fastest.

    Args:
        names: names of the K factors, all different.
        values: for each factor its values, a float array [size_k].
        labels: for each factor whose values are text, by its name: the texts that the values 0, 1, ... stand for.

    Raises:
        ValueError: if names, values and labels do not match, a name is repeated, or a factor has no value.

    Examples:
        >>> factors = tfvae.data.FactorSpace(["x", "y"], [range(4), range(2)])
        >>> factors.to_factors([0, 1, 7]).tolist()
        [[0, 0], [0, 1], [3, 1]]
        >>> factors.to_index(np.array([[3, 1]])).tolist()
        [7]
    """

    is_grid: ClassVar[bool] = True

    names: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names, values = tuple(self.names), tuple(np.asarray(value, np.float64) for value in self.values)
        if not names or len(names) != len(values):
            raise ValueError(
                f"Expected one array of values for each of one or more names. "
                f"Received: names={names}, {len(values)} arrays"
            )
        if len(set(names)) != len(names):
            raise ValueError(f"Expected names that are all different. Received: names={names}")
        for name, value in zip(names, values, strict=True):
            if value.ndim != 1 or not value.size:
                raise ValueError(f"Expected values of shape [size >= 1] for {name!r}. Received: shape={value.shape}")
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "values", values)
        check_labels(self)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of values of each factor, K integers."""
        return tuple(len(value) for value in self.values)

    @property
    def continuous(self) -> tuple[bool, ...]:
        """Which factors are continuous, K booleans: none in a grid."""
        return (False,) * len(self.names)

    def __len__(self) -> int:
        return math.prod(self.sizes)

    def position(self, name: str) -> int:
        """Returns the column of a factor.

        Raises:
            ValueError: if there is no factor of that name.
        """
        if name not in self.names:
            raise ValueError(f"Expected a factor out of {list(self.names)}. Received: name={name!r}")
        return self.names.index(name)

    def to_index(self, factors: np.ndarray) -> np.ndarray:
        """Returns the places of rows of factors in the grid.

        Args:
            factors: int array [N, K], column k in 0 .. sizes[k] - 1.

        Returns:
            int64 array [N], in 0 .. len - 1.

        Raises:
            TypeError: if the factors are not integers.
            ValueError: if the shape is wrong, or a factor is out of range.
        """
        factors = _integers("factors", factors)
        if factors.ndim != 2 or factors.shape[1] != len(self.names):
            raise ValueError(f"Expected factors of shape [N, {len(self.names)}]. Received: shape={factors.shape}")
        for k, (name, size) in enumerate(zip(self.names, self.sizes, strict=True)):
            wrong = factors[:, k][(factors[:, k] < 0) | (factors[:, k] >= size)]
            if wrong.size:
                raise ValueError(f"Expected {name} in 0 .. {size - 1}. Received: {name}={wrong[0]}")
        return np.ravel_multi_index(tuple(factors.T), self.sizes).astype(np.int64)

    def to_factors(self, indices: np.ndarray) -> np.ndarray:
        """Returns the factors at places of the grid: the inverse of `to_index`.

        Args:
            indices: int array [N], in 0 .. len - 1.

        Returns:
            int64 array [N, K].

        Raises:
            TypeError: if the indices are not integers.
            ValueError: if the indices are not one-dimensional.
            IndexError: if an index is out of range.
        """
        return np.stack(np.unravel_index(checked_indices(indices, len(self)), self.sizes), axis=-1).astype(np.int64)

    def values_of(self, indices: np.ndarray) -> np.ndarray:
        """Returns the values of the factors of the images at `indices`, int [N]: float64 [N, K]."""
        factors = self.to_factors(indices)
        return np.stack([value[factors[:, k]] for k, value in enumerate(self.values)], axis=-1)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draws the places of n images uniformly, int64 [n]."""
        return rng.integers(0, len(self), size=n, dtype=np.int64)

    def partners(self, indices: np.ndarray, column: int, rng: np.random.Generator) -> np.ndarray:
        """Draws, for each image, a random image that shares its value of one factor, uniformly.

        Args:
            indices: int array [N], places of images.
            column: the column of the shared factor, in 0 .. K - 1.
            rng: a NumPy generator.

        Returns:
            int64 array [N], places of images.
        """
        indices = checked_indices(indices, len(self))
        partners = self.sample(len(indices), rng)
        # Replaces the digit of one factor in place: metrics draw millions of partners.
        size, stride = self.sizes[column], math.prod(self.sizes[column + 1 :])
        return partners + (indices // stride % size - partners // stride % size) * stride

    def sample_factors(self, n: int, rng: np.random.Generator, fix: Mapping[str, int] | None = None) -> np.ndarray:
        """Draws factors uniformly and independently.

        Args:
            n: how many rows to draw, at least 0.
            rng: a NumPy generator.
            fix: factors to hold fixed, name -> value index.

        Returns:
            int64 array [n, K].

        Raises:
            TypeError: if a value in `fix` is not an integer.
            ValueError: if a name in `fix` is unknown, a value is out of range, or n is negative.
        """
        if n < 0:
            raise ValueError(f"Expected n >= 0. Received: n={n}")
        factors = rng.integers(0, self.sizes, size=(n, len(self.names)), dtype=np.int64)
        for name, value in (fix or {}).items():
            k = self.position(name)
            if not isinstance(value, int | np.integer):
                raise TypeError(f"Expected an integer for {name!r} in fix. Received: {name}={value!r}")
            if not 0 <= value < self.sizes[k]:
                raise ValueError(f"Expected {name} in 0 .. {self.sizes[k] - 1}. Received: {name}={value}")
            factors[:, k] = value
        return factors

    def traversal(self, factors: np.ndarray, name: str) -> np.ndarray:
        """Returns all values of one factor, in order, with the other factors fixed.

        Args:
            factors: int array [K], the starting point.
            name: the factor to vary.

        Returns:
            int64 array [size of that factor, K].

        Raises:
            TypeError: if the factors are not integers.
            ValueError: if the name is unknown, the shape is not [K], or a factor is out of range.
        """
        k = self.position(name)
        factors = _integers("factors", factors)
        if factors.shape != (len(self.names),):
            raise ValueError(f"Expected factors of shape [{len(self.names)}]. Received: shape={factors.shape}")
        self.to_index(factors[np.newaxis])
        rows = np.tile(factors, (self.sizes[k], 1))
        rows[:, k] = np.arange(self.sizes[k])
        return rows


def labels_of(factors: Factors, name: str) -> list[str]:
    """The texts that the values of a factor stand for, in the order of its values; none if the values are numbers."""
    texts, values = factors.labels.get(name, ()), factors.values[factors.names.index(name)]
    return [texts[int(value)] for value in values] if texts else []


def check_labels(factors: Factors) -> None:
    """Raises ValueError unless all labels are of factors, whose values are places among them."""
    values = dict(zip(factors.names, factors.values, strict=True))
    for name, texts in factors.labels.items():
        if name not in values or not np.isin(values[name], np.arange(len(texts))).all():
            raise ValueError(
                f"Expected labels of factors out of {list(values)}, one for each value. "
                f"Received: {len(texts)} for {name!r}"
            )


def checked_indices(indices: np.ndarray, size: int) -> np.ndarray:
    """Returns indices of `size` images as int64 [N].

    Raises:
        TypeError: if the indices are not integers.
        ValueError: if the indices are not one-dimensional.
        IndexError: if an index is out of range.
    """
    indices = _integers("indices", indices)
    if indices.ndim != 1:
        raise ValueError(f"Expected indices of shape [N]. Received: shape={indices.shape}")
    wrong = indices[(indices < 0) | (indices >= size)]
    if wrong.size:
        raise IndexError(f"Expected indices in 0 .. {size - 1}. Received: index={wrong[0]}")
    return indices


def _integers(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise TypeError(f"Expected {name} of an integer dtype. Received: dtype={array.dtype}")
    return array.astype(np.int64)
