"""Columns of a table as numbers. Text becomes labels: the places of the texts among the sorted ones."""

import numbers
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MISSING = {"", "nan"}
# A column whose other cells are all numbers is not one of text for these.
_NO_NUMBERS = {"na", "n/a", "<na>", "null", "none", "-", "?", "inf", "+inf", "-inf", "infinity", "-infinity"}


def as_array(values: Any, what: str) -> np.ndarray:
    """An array of anything that `np.asarray` takes.

    Raises:
        ValueError: if it is a masked array, of which values are masked: they are unknown.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"Expected {what}. Received: a masked array without {int(values.mask.sum())} of its values")
    return np.asarray(values)


def names_of_columns(table: Any, count: int) -> list[str]:
    """The names of a table's K columns: those of a DataFrame whose names are text, else "factor0", "factor1", ...

    Args:
        table: anything that `as_array` takes, of pandas, Polars or another library that is not imported here.
        count: int, K.
    """
    names = list(getattr(table, "columns", ()))
    if len(names) == count and all(isinstance(name, str) for name in names):
        return names
    return [f"factor{k}" for k in range(count)]


def as_numeric(values: Any, what: str) -> np.ndarray:
    """An array of bool, integers or floats, of anything that `np.asarray` takes.

    Numbers and booleans as Python objects become floats.

    Raises:
        TypeError: if it holds something else.
        ValueError: if values are masked.
    """
    array = as_array(values, what)
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind != "O":
        raise TypeError(f"Expected {what}. Received: dtype={array.dtype}")
    if wrong := {type(value).__name__ for value in array.flat if not isinstance(value, numbers.Real | np.bool_)}:
        raise TypeError(f"Expected {what}. Received: objects of type {', '.join(sorted(wrong))}")
    return array.astype(np.float64)


def as_numbers(names: Sequence[str], table: np.ndarray) -> tuple[np.ndarray, dict[str, tuple[str, ...]]]:
    """Returns a table with each column as numbers.

    A column of text that holds only numbers, such as one of a CSV file, is one of numbers.

    Args:
        names: of the K columns.
        table: numbers, booleans or text [N, K], also as Python objects, as a DataFrame of mixed columns has them.

    Returns:
        float64 [N, K]; and, by name, the labels of each column of text, sorted. The numbers of such a column are places
        among its labels.

    Raises:
        TypeError: if a column holds something else, or text and numbers.
        ValueError: if a value is missing, or float64 does not tell apart the integers of a column.
    """
    if table.dtype.kind in "biuf":
        numeric = table.astype(np.float64)
        if table.dtype.kind in "iu":
            _check_exact(names, table, numeric)
        return numeric, {}
    if table.dtype.kind not in "OUS":
        raise TypeError(f"Expected a table of numbers or text. Received: dtype={table.dtype}")
    columns, labels = [], dict[str, tuple[str, ...]]()
    for name, cells in zip(names, table.T, strict=True):
        column, texts = _column(name, cells.tolist())
        columns.append(column)
        if texts:
            labels[name] = texts
    return np.stack(columns, axis=-1), labels


def in_order(texts: set[str]) -> tuple[str, ...]:
    """Labels in their order: that of their numbers if all are numbers ("2" before "10"), else that of the alphabet."""
    if all(map(_NUMBER.fullmatch, texts)):
        return tuple(sorted(texts, key=lambda text: (float(text), text)))
    return tuple(sorted(texts))


def _column(name: str, cells: list[Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    """A column as numbers, float64 [N], and its labels; none for a column of numbers."""
    cells = [cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in cells]
    for row, cell in enumerate(cells):
        # NaN alone differs from itself. The missing values of pandas cannot be compared.
        if cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell):
            raise _missing(name, row, cell)
    if all(isinstance(cell, numbers.Real | np.bool_) for cell in cells):
        return np.array(cells, np.float64), ()
    if not all(isinstance(cell, str) for cell in cells):
        kinds = sorted({type(cell).__name__ for cell in cells})
        raise TypeError(f"Expected a table whose columns are numbers or text. Received: {', '.join(kinds)} in {name!r}")
    numeric = [bool(_NUMBER.fullmatch(cell.strip())) for cell in cells]
    if all(numeric):
        return np.array(cells, np.float64), ()
    folded = [cell.strip().lower() for cell in cells]
    only_numbers = any(numeric) and all(
        number or cell in _NO_NUMBERS | _MISSING for number, cell in zip(numeric, folded, strict=True)
    )
    for row, cell in enumerate(folded):
        if cell in _MISSING or (only_numbers and cell in _NO_NUMBERS):
            raise _missing(name, row, cells[row])
    labels = in_order(set(cells))
    place = {text: float(index) for index, text in enumerate(labels)}
    return np.array([place[cell] for cell in cells]), labels


def _missing(name: str, row: int, cell: Any) -> ValueError:
    return ValueError(f"Expected finite values, none missing. Received: {cell!r} in {name!r}, row {row} (from 0)")


def _check_exact(names: Sequence[str], table: np.ndarray, numeric: np.ndarray) -> None:
    """Raises ValueError when float64 does not tell apart the integers of a column."""
    pairs = zip(names, table.T, numeric.T, strict=True)
    if merged := [name for name, column, found in pairs if len(np.unique(column)) > len(np.unique(found))]:
        raise ValueError(
            "Expected integers that float64 tells apart, as those up to 2**53; subtract the smallest. "
            f"Received: larger ones in {merged}"
        )
