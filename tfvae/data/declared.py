"""Factors that a user declares to be continuous or discrete, whatever the rule of `factor_table.is_discrete` says."""

import copy
from typing import Any

import numpy as np

from tfvae.data.factor_table import FactorTable
from tfvae.data.images import ImageData

# Of any data set's name: "npz:PATH?continuous=age,angle&discrete=make".
OPTIONS = ("continuous", "discrete")


def declared(data: ImageData, *, continuous: Any = (), discrete: Any = ()) -> ImageData:
    """The same images, with some factors declared to be continuous or discrete.

    Args:
        data: images with known factors.
        continuous: names of factors, separated by commas or in a list, as an option of a name is read.
        discrete: the same, of other factors.

    Returns:
        Data that share the images. Factors of a grid of which one is continuous become a table, in the same order.

    Raises:
        ValueError: if the data have no factors, a name is unknown, a factor is declared twice, or one whose values are
            text is declared to be continuous.
    """
    if data.factors is None:
        raise ValueError(
            f"Expected data with known factors for continuous and discrete. Received: {data.name!r}, which has none"
        )
    factors, kinds = data.factors, dict[str, bool]()
    for option, value in zip(OPTIONS, (continuous, discrete), strict=True):
        for name in names_in(value):
            if name not in factors.names or name in kinds:
                raise ValueError(
                    f"Expected {option} to be factors out of {list(factors.names)}, each declared once. "
                    f"Received: {name!r}"
                )
            kinds[name] = option == "continuous"
    everything = dict(zip(factors.names, factors.continuous, strict=True)) | kinds
    if factors.is_grid and not any(everything.values()):
        return data
    view = copy.copy(data)
    view.factors = FactorTable(
        factors.names, factors.values_of(np.arange(len(data))), continuous=everything, labels=factors.labels
    )
    return view


def names_in(value: Any) -> list[str]:
    """The names in an option: text with commas, or what `names.parse` has read as JSON, such as a number or a list."""
    if isinstance(value, str):
        return value.split(",")
    return [str(name) for name in value] if isinstance(value, list | tuple) else [str(value)]
