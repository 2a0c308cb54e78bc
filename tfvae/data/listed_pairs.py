"""Pairs of images that are listed, in an array or a CSV file."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.data.images import ImageData
from tfvae.data.selection import selected

_HEADER = ["first", "second"]


def with_listed(data: ImageData, pairs: np.ndarray, option: str) -> ImageData:
    """Returns the images that are in pairs, each with all images that it is in a pair with as its possible partners.

    Args:
        data: images.
        pairs: int [M, 2], places of images.
        option: what the name of the result has after the data's own name and a question mark.

    Raises:
        ValueError: if there is no pair, or a place is out of range.
    """
    if not len(pairs):
        raise ValueError("Expected one pair or more. Received: none")
    if pairs.min() < 0 or pairs.max() >= len(data):
        raise ValueError(
            f"Expected pairs of places in 0 .. {len(data) - 1}. Received: places from {pairs.min()} to {pairs.max()}"
        )
    places, among = np.unique(pairs, return_inverse=True)
    first, second = among.reshape(-1, 2).T
    images, others = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.argsort(images, kind="stable")
    others, starts = others[order], np.concatenate([[0], np.cumsum(np.bincount(images))])

    def partners(indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return others[starts[indices] + rng.integers(0, starts[indices + 1] - starts[indices])]

    view = selected(data, places, option)
    view.pairing = partners
    return view


def read_pairs(data: ImageData, path: Path) -> np.ndarray:
    """The places of the pairs in a CSV file of two columns, see `pairs.paired`: int64 [M, 2].

    Raises:
        ValueError: if it cannot be read, or a line has something else than two images of the data.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"Expected pairs to be a CSV file. Received: pairs={str(path)!r}: {error}") from None
    if rows and rows[0][1] == _HEADER:
        del rows[0]
    names: dict[Any, int] = {name: place for place, name in enumerate(data.files or map(str, range(len(data))))}
    what = "names of files of the data" if data.files is not None else f"places 0 .. {len(data) - 1}"
    for number, row in rows:
        if len(row) != 2 or not all(name in names for name in row):
            raise ValueError(f"Expected two {what} in each line of {path}. Received: {row} in line {number}")
    return np.array([[names[name] for name in row] for _, row in rows], np.int64).reshape(-1, 2)
