"""Factors that are left out of scoring: they vary like the others, but no metric fixes or predicts them."""

import copy
from collections.abc import Collection, Iterable

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.data.factors import Factors

# A name or a column of a factor, or any number of these.
Ignore = str | int | Iterable[str | int]


def ignored_names(factors: Factors | None, ignore: Ignore, *, by_column: bool = False) -> tuple[str, ...]:
    """The names of the factors that an argument `ignore` leaves out, in the order of the factors.

    Args:
        factors: those of the data; None if they have none.
        ignore: names of factors.
        by_column: whether numbers of columns, 0 .. K - 1, are taken too, as the factors have no names of their own.

    Raises:
        ValueError: if there is no factor of that name or column, or the data have no factors.
    """
    asked = [ignore] if isinstance(ignore, str | int | np.integer) else list(ignore)
    if not asked:
        return ()
    if factors is None:
        raise ValueError(f"Expected data with known factors, of which some are ignored. Received: ignore={asked}")
    names, found = list(factors.names), set()
    for each in asked:
        if isinstance(each, str) and each in names:
            found.add(str(each))
        elif by_column and type(each) is not bool and isinstance(each, int | np.integer) and 0 <= each < len(names):
            found.add(names[int(each)])
        else:
            columns = f" or columns 0 .. {len(names) - 1}" if by_column else ""
            raise ValueError(f"Expected ignore to be factors out of {names}{columns}. Received: {each!r}")
    return tuple(name for name in names if name in found)


def ignoring(codes: Codes, names: Collection[str]) -> Codes:
    """The same codes, of data of which these factors are not scored; both encode each image only once.

    The images that metrics draw are those of all factors. So where a metric fixes one factor, the ignored ones vary
    with the rest.
    """
    if not names:
        return codes
    view = copy.copy(codes)
    view.data = copy.copy(codes.data)
    view.data.scored_factors = tuple(name for name in codes.data.scored_factors if name not in names)
    return view
