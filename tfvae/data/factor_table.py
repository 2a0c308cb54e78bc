"""Factors of images that do not form a grid."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NoReturn

import numpy as np

from tfvae.data.columns import as_array, as_numbers
from tfvae.data.factors import Factors, check_labels, checked_indices, labels_of

# More than the 183 cars of Cars3D, and fewer than the 256 levels of a byte or the 360 degrees of a circle.
_MOST_CLASSES = 200
_SHOWN = 8  # labels in a line of text
Continuous = Iterable[bool] | Mapping[str, bool]


def is_discrete(values: int, rows: int) -> bool:
    """Whether a factor is taken as discrete, where nobody has said what it is.

    A discrete factor has few values, and each occurs again: at most 200 values, and on average at least two rows with
    the same one. (Two values are always discrete.) What the values are does not matter. So the angles 0, 0.5 pi, pi
    and 1.5 pi are as discrete as the numbers 0 to 3, and ten thousand millimetres are as continuous as ten metres.

    Args:
        values: int, the number of distinct values of the factor.
        rows: int, the number of rows.
    """
    return values <= 2 or (values <= _MOST_CLASSES and 2 * values <= rows)


def described(factors: Factors, ignored: Collection[str] = ()) -> dict[str, Any]:
    """What each factor is taken for: {"discrete": {"shape": 3}, "continuous": {"age": 981}}, with numbers of values.

    Those that are not scored are listed apart: "ignored": ["shape"], where there are any. So are the labels of factors
    whose values are text, up to 200 of each: "labels": {"shape": ["heart", "square"]}.
    """
    labels = {name: labels_of(factors, name) for name in factors.labels}
    labels = {name: texts for name, texts in labels.items() if len(texts) <= _MOST_CLASSES}
    sizes = [
        each for each in zip(factors.names, factors.sizes, factors.continuous, strict=True) if each[0] not in ignored
    ]
    return {
        "discrete": {name: size for name, size, continuous in sizes if not continuous},
        "continuous": {name: size for name, size, continuous in sizes if continuous},
        **({"ignored": list(ignored)} if ignored else {}),
        **({"labels": labels} if labels else {}),
    }


def summary(factors: Mapping[str, Any]) -> str:
    """What `described` returns, in a line: "discrete shape (2: heart, square), scale (6); continuous age (981)"."""
    labels = factors.get("labels", {})

    def text(name: str, size: int) -> str:
        shown = [*labels.get(name, [])[:_SHOWN], *(["..."] if len(labels.get(name, [])) > _SHOWN else [])]
        return f"{name} ({size}{': ' if shown else ''}{', '.join(shown)})"

    parts = {kind: [text(*each) for each in factors[kind].items()] for kind in ("discrete", "continuous")}
    parts["ignored"] = list(factors.get("ignored", ()))
    return "; ".join(f"{kind} {', '.join(names)}" for kind, names in parts.items() if names)


def rows_of(factors: Factors, places: np.ndarray) -> "FactorTable":
    """The factors of some of the images, those at `places`, int [N], as a table of N rows."""
    return FactorTable(factors.names, factors.values_of(places), continuous=factors.continuous, labels=factors.labels)


class FactorTable:
    """The factors of N images as a table, as `FactorSpace` has those of a grid.

    Images share a value of a factor only if the values are exactly equal. For a continuous factor, an image often
    shares its value only with itself.

    Args:
        names: names of the K factors, all different.
        table: numbers or text [N, K], a row for each image. The values of a column of text are 0, 1, ..., the places
            of its sorted texts, which are its `labels`; text that is all numbers is numbers.
        continuous: which factors are continuous: K booleans, or booleans by name. What it leaves out follows
            `is_discrete`; text is discrete.
        labels: texts by name of a factor, whose numbers in the table are then places among them, 0, 1, ... Not all of
            them need occur.

    Raises:
        ValueError: if the shapes do not match, a name is repeated or unknown, a value is missing or not finite, or text
            is declared continuous.
        TypeError: if a column holds something else than numbers or text.

    Examples:
        >>> factors = tfvae.data.FactorTable(["kind", "age"], [[0, 31.5], [1, 40.2], [0, 28.0], [1, 35.9]])
        >>> factors.sizes, factors.continuous
        ((2, 4), (False, True))
        >>> tfvae.data.FactorTable(["kind"], [["dog"], ["cat"], ["dog"]]).labels
        {'kind': ('cat', 'dog')}
    """

    is_grid: ClassVar[bool] = False

    def __init__(
        self,
        names: Iterable[str],
        table: np.ndarray,
        *,
        continuous: Continuous | None = None,
        labels: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        names, table = tuple(names), as_array(table, "a table of numbers or text")
        if table.ndim != 2 or 0 in table.shape or table.shape[1] != len(names):
            raise ValueError(f"Expected a table [N, {len(names)}] for {names}. Received: shape={table.shape}")
        if len(set(names)) != len(names):
            raise ValueError(f"Expected names that are all different. Received: names={names}")
        table, texts = as_numbers(names, table)
        texts = {**{name: tuple(given) for name, given in (labels or {}).items()}, **texts}
        declared = {**dict.fromkeys(texts, False), **_declared(continuous, names)}
        if wrong := [name for name in texts if declared[name]]:
            raise ValueError(f"Expected continuous factors of numbers. Received: {wrong}, whose values are text")
        if not np.isfinite(table).all():
            bad = [name for name, column in zip(names, table.T, strict=True) if not np.isfinite(column).all()]
            raise ValueError(f"Expected finite values. Received: NaN or infinity in {bad}")
        self.names = names
        self._table, self.labels = table, texts
        distinct = [np.unique(column, return_inverse=True) for column in self._table.T]
        self.values: tuple[np.ndarray, ...] = tuple(values for values, _ in distinct)
        self.continuous = tuple(
            declared.get(name, not is_discrete(len(values), len(table)))
            for name, values in zip(names, self.values, strict=True)
        )
        check_labels(self)
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


def _declared(continuous: Continuous | None, names: tuple[str, ...]) -> dict[str, bool]:
    """Which factors are declared to be continuous or not, by name."""
    if continuous is None:
        return {}
    expected = f"Expected continuous to be {len(names)} booleans, or booleans by name out of {list(names)}."
    labels = getattr(continuous, "index", None)  # of a pandas Series; a method of other sequences
    if isinstance(continuous, Mapping):
        declared = dict(continuous)
    elif labels is not None and not callable(labels) and set(labels) <= set(names):
        declared = dict(zip(labels, continuous, strict=True))
    else:
        booleans = list(continuous)
        if len(booleans) != len(names):
            raise ValueError(f"{expected} Received: continuous={continuous}")
        declared = dict(zip(names, booleans, strict=True))
    if not declared.keys() <= set(names) or not all(isinstance(each, bool | np.bool_) for each in declared.values()):
        raise ValueError(f"{expected} Received: continuous={continuous}")
    return {name: bool(each) for name, each in declared.items()}
