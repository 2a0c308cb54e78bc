"""Pairs of images that have most of their factors in common, for models that learn from what a pair shares."""

import copy
import re
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path, PurePosixPath

import numpy as np

from tfvae.data.factors import Factors
from tfvae.data.images import ImageData
from tfvae.data.listed_pairs import read_pairs, with_listed

# Of any data set's name: "dsprites?pairs=1".
OPTIONS = ("pairs",)
_EXPECTED = (
    "Expected pairs to be the number of factors that change within a pair, 'random', 'consecutive', a CSV file of two "
    "columns, or an array of places [M, 2]."
)

# Places of images, int64 [N], and a generator -> the place of a partner for each, int64 [N].
Partners = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def paired(data: ImageData, pairs: int | np.integer | str | np.ndarray) -> ImageData:
    """Returns the images with a partner for each, which `batches(..., paired=True)` draws; else they are the same.

    A partner shares all factors but a few with its image. Which few is drawn again each time, and not reported: that
    is weak supervision (Locatello et al., 2020, Section 5). Their code changes a single factor in every second pair.

    Args:
        data: images.
        pairs: who is whose partner:

            - an integer k: k of the factors that vary, chosen at random, have values drawn again, which may be the old
              ones. Of data whose factors are a table, the partner is an image that has the other factors' values;
            - "random": the same, with k uniform in 1 .. K - 1 for each pair, for K factors that vary;
            - "consecutive": the next image, as frames of a video have it. Files are in the order of their names, with
              numbers as numbers, and the next file is one of the same folder. The last image has the one before it,
              and a folder's only image has itself;
            - the path of a CSV file, "NAME.csv", or an array int [M, 2]: these pairs, in either order. The file has the
              names of files within the folder, or places 0 .. N - 1 of data without files, perhaps under the header
              first,second. Images that are in no pair are left out. An image of several pairs has one of its partners
              each time.

    Returns:
        Data that share the images, with `pairing`.

    Raises:
        ValueError: if `pairs` is something else, the data have no factors to change, or no image has a partner.

    Examples:
        >>> images = np.zeros([4, 16, 16, 1])
        >>> video = tfvae.data.paired(tfvae.data.as_image_data(images), "consecutive")
        >>> video.pairing(np.arange(4), np.random.default_rng(0)).tolist()
        [1, 2, 3, 2]
    """
    match pairs:
        case np.ndarray() if pairs.dtype.kind in "iu" and pairs.ndim == 2 and pairs.shape[1] == 2:
            return with_listed(data, pairs, "pairs=listed")
        case np.ndarray() | bool():
            pass
        case int() | np.integer():
            return _view(data, f"pairs={pairs}", _changing(data, int(pairs)))
        case "random":
            return _view(data, "pairs=random", _changing(data, None))
        case "consecutive":
            return _view(data, "pairs=consecutive", _consecutive(data))
        case str() if pairs.endswith(".csv"):
            return with_listed(data, read_pairs(data, Path(pairs)), f"pairs={pairs}")
    received = f"shape={pairs.shape}, dtype={pairs.dtype}" if isinstance(pairs, np.ndarray) else f"pairs={pairs!r}"
    raise ValueError(f"{_EXPECTED} Received: {received}")


def _view(data: ImageData, option: str, partners: Partners) -> ImageData:
    view = copy.copy(data)
    view.name = f"{data.name}?{option}"
    view.pairing = partners
    return view


def _changing(data: ImageData, count: int | None) -> Partners:
    """Partners in which `count` factors are drawn again; a random number of them if it is None."""
    factors = data.factors
    if factors is None:
        raise ValueError(
            f"Expected data with known factors for pairs=NUMBER and pairs=random. Received: {data.name!r}, which has "
            "none; pairs=consecutive and pairs=FILE.csv need none"
        )
    varying = np.flatnonzero(np.array(factors.sizes) > 1)
    if len(varying) < 2 or (count is not None and not 1 <= count < len(varying)):
        names = [factors.names[column] for column in varying]
        raise ValueError(
            f"Expected pairs in 1 .. {len(varying) - 1}, so that pairs share one or more of the factors that vary, "
            f"{names}. Received: pairs={'random' if count is None else count}"
        )
    change = _in_grid(factors) if factors.is_grid else _Table(factors, varying, count).change

    def partners(indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        size = len(indices)
        counts = rng.integers(1, len(varying), size) if count is None else np.full(size, count)
        ranks = np.argsort(np.argsort(rng.random((size, len(varying))), axis=1), axis=1)
        changes = np.zeros((size, len(factors.sizes)), bool)
        changes[:, varying] = ranks < counts[:, np.newaxis]
        return change(indices, changes, rng)

    return partners


def _in_grid(factors: Factors) -> Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]:
    def change(indices: np.ndarray, changes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        drawn = rng.integers(0, factors.sizes, changes.shape)
        return factors.to_index(np.where(changes, drawn, factors.to_factors(indices)))

    return change


class _Table:
    """Images of a table, grouped by the values of some factors; each grouping takes 8 bytes an image."""

    def __init__(self, factors: Factors, varying: np.ndarray, count: int | None) -> None:
        self._ranks = factors.to_factors(np.arange(len(factors)))
        self._groupings: dict[bytes, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        for chosen in combinations(varying, len(varying) - 1 if count is None else count):
            groups, _, _ = self._grouping(np.isin(np.arange(len(factors.sizes)), chosen))
            if groups.max() + 1 < len(groups):
                return
        raise ValueError(
            f"Expected images that have the same values of all factors but some. Received: {len(factors)} images, of "
            f"which no two do, with pairs={'random' if count is None else count}"
        )

    def change(self, indices: np.ndarray, changes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The place of a random image that has the factors of each image but where `changes`, bool [N, K]."""
        partners = np.empty(len(indices), np.int64)
        for changed in np.unique(changes, axis=0):
            rows = (changes == changed).all(axis=1)
            groups, order, starts = self._grouping(changed)
            own = groups[indices[rows]]
            partners[rows] = order[starts[own] + rng.integers(0, starts[own + 1] - starts[own])]
        return partners

    def _grouping(self, changed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The group of each image, all images sorted by it, and where each group begins among them."""
        key = changed.tobytes()
        if key not in self._groupings:
            groups = np.zeros(len(self._ranks), np.int64)
            for column in np.flatnonzero(~changed):
                # Numbered again after each factor, so that products stay below the square of the number of images.
                ranks = self._ranks[:, column]
                groups = np.unique(groups * (ranks.max() + 1) + ranks, return_inverse=True)[1].reshape(-1)
            starts = np.concatenate([[0], np.cumsum(np.bincount(groups))])
            order = np.argsort(groups, kind="stable")
            self._groupings[key] = groups.astype(np.int32), order.astype(np.int32), starts
        return self._groupings[key]


def _consecutive(data: ImageData) -> Partners:
    if len(data) < 2:
        raise ValueError(f"Expected two images or more for pairs=consecutive. Received: {len(data)}")
    partner = np.arange(len(data))
    for sequence in _sequences(data):
        if len(sequence) > 1:
            partner[sequence] = [*sequence[1:], sequence[-2]]
    if (partner == np.arange(len(data))).all():
        raise ValueError("Expected folders of several images for pairs=consecutive. Received: one image in each folder")
    return lambda indices, rng: partner[indices]


def _sequences(data: ImageData) -> Iterable[list[int]]:
    """The places of the images of each folder, in the order of their names; without files all places in order."""
    if data.files is None:
        return [list(range(len(data)))]
    folders: dict[PurePosixPath, list[int]] = {}
    for place, name in enumerate(data.files):
        folders.setdefault(PurePosixPath(name).parent, []).append(place)
    files = data.files
    return [sorted(places, key=lambda place: _natural(files[place])) for places in folders.values()]


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts "frame10" after "frame9"."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts)]
