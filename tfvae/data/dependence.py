"""Training data whose factors are not independent: two of them correlated, or some combinations left out.

In most data that disentanglement is studied on, factors are independent and all combinations occur. Kim & Mnih (2018,
Section 7) name this as a limitation.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from tfvae.data.factors import Factors, labels_of
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.data.selection import selected

SYNTAX = {
    "correlated": "correlated=FACTOR,FACTOR,STRENGTH, such as correlated=scale,posX,0.2",
    "held_out": "held_out=FACTOR:VALUES,FACTOR:VALUES, such as held_out=shape:2,posX:0|1 or posX:16..31 or class:cat",
}


def correlated(
    data: ImageData, first: str, second: str, strength: float, *, size: int | None = None, seed: int = 0
) -> GroundTruthData:
    """Returns data in which two factors are correlated, and the others are uniform.

        p(c1, c2) ~ exp(-(c1 - alpha c2)^2 / (2 sigma^2))    (Traeuble et al., 2021, Equation 1)

    with the ranks of both factors scaled to [0, 1], and alpha = 1, so that their ends coincide. The images of one pair
    (c1, c2) are equally likely. An image of probability p occurs floor(N p) or ceil(N p) times.

    Args:
        data: images with known factors.
        first: name of the factor c1.
        second: name of the factor c2.
        strength: sigma > 0, in units of a factor's whole range: 0.2 is a strong correlation, 0.7 a weak one.
        size: N, the number of images to return; by default that of the data.
        seed: chooses among images of equal probability, and decides their order.

    Returns:
        N images, some of them repeated. Their factors are a table.

    Raises:
        ValueError: if the factors are unknown or the same, one has a single value, or a number is out of range.
    """
    factors = _factors(data, "correlated")
    places = [_varying(factors, name) for name in (first, second)]
    if first == second:
        raise ValueError(f"Expected two different factors. Received: first={first!r}, second={second!r}")
    if not strength > 0:
        raise ValueError(f"Expected strength > 0. Received: strength={strength}")
    size = len(data) if size is None else size
    if size < 1:
        raise ValueError(f"Expected size >= 1. Received: size={size}")
    ranks = factors.to_factors(np.arange(len(data)))[:, places]
    sizes = np.array([factors.sizes[place] for place in places])
    (one, two), (rows, columns) = np.transpose(ranks / (sizes - 1)), sizes
    pair = ranks[:, 0] * columns + ranks[:, 1]
    # Subtracting the least distance keeps the ratios, and prevents a small sigma from giving only zeros.
    distance = (one - two) ** 2
    weight = np.exp(-(distance - distance.min()) / (2 * strength**2))
    weight /= np.bincount(pair, minlength=rows * columns)[pair]

    order = np.random.default_rng(seed).permutation(len(data))
    cumulated = np.cumsum(weight[order])
    at = (np.arange(size) + 0.5) / size * cumulated[-1]
    chosen = order[np.searchsorted(cumulated, at, side="right")]
    return _view(data, f"correlated={first},{second},{strength:g}", chosen)


def held_out(data: ImageData, combinations: Mapping[str, Iterable[int]]) -> GroundTruthData:
    """Returns the data without the images that have certain values of one or more factors at once.

    Args:
        data: images with known factors.
        combinations: for one or more factors, the values to leave out, as ranks 0 .. size - 1. An image is left out if
            all these factors have such values: `{"shape": [2], "posX": range(16, 32)}` leaves out the hearts in the
            right half.

    Returns:
        All other images, once each, in their order. Their factors are a table.

    Raises:
        ValueError: if a factor is unknown, a value is out of range, or no image or every image would be left.
    """
    if not combinations:
        raise ValueError(f"Expected one factor or more. Received: combinations={dict(combinations)}")
    factors = _factors(data, "held_out")
    rows = factors.to_factors(np.arange(len(data)))
    out, parts = np.ones(len(data), bool), []
    for name, values in combinations.items():
        column, values = _varying(factors, name), sorted({int(value) for value in values})
        size = factors.sizes[column]
        if not values or values[0] < 0 or values[-1] >= size:
            raise ValueError(f"Expected values of {name} in 0 .. {size - 1}. Received: {name}={values}")
        out &= np.isin(rows[:, column], values)
        parts.append(f"{name}:{'|'.join(map(str, values))}")
    if out.all() or not out.any():
        raise ValueError(
            f"Expected to leave out some of the {len(data)} images. Received: combinations={dict(combinations)}, "
            f"which {'all' if out.all() else 'none'} of them have"
        )
    return _view(data, f"held_out={','.join(parts)}", np.flatnonzero(~out))


def view(data: ImageData, option: str) -> GroundTruthData:
    """Returns the data that an option describes. The option has one of the forms of `SYNTAX`.

    Raises:
        ValueError: if the option has another form, or does not fit the data.
    """
    kind, _, arguments = option.partition("=")
    readers: dict[str, Callable[[ImageData, str], GroundTruthData]] = {
        "correlated": _read_correlated,
        "held_out": _read_held_out,
    }
    if kind not in readers:
        raise ValueError(f"Expected one of {list(SYNTAX.values())}. Received: {option!r}")
    return readers[kind](data, arguments)


def _read_correlated(data: ImageData, arguments: str) -> GroundTruthData:
    parts = arguments.split(",")
    try:
        first, second, strength = parts[0], parts[1], float(parts[2])
    except (IndexError, ValueError):
        parts = []
    if len(parts) != 3:
        raise ValueError(f"Expected {SYNTAX['correlated']}. Received: 'correlated={arguments}'")
    return correlated(data, first, second, strength)


def _read_held_out(data: ImageData, arguments: str) -> GroundTruthData:
    combinations: dict[str, list[int]] = {}
    for part in arguments.split(","):
        name, _, values = part.rpartition(":")
        texts = labels_of(data.factors, name) if data.factors is not None and name in data.factors.names else []
        labels = {text: rank for rank, text in enumerate(texts)}
        if name not in combinations and all(text in labels for text in values.split("|")):
            combinations[name] = [labels[text] for text in values.split("|")]
            continue
        if not name or name in combinations or not re.fullmatch(r"\d+(\.\.\d+)?(\|\d+(\.\.\d+)?)*", values):
            raise ValueError(f"Expected {SYNTAX['held_out']}. Received: 'held_out={arguments}'")
        combinations[name] = []
        for item in values.split("|"):
            low, _, high = item.partition("..")
            combinations[name] += range(int(low), int(high or low) + 1)
    return held_out(data, combinations)


def _view(data: ImageData, option: str, places: np.ndarray) -> GroundTruthData:
    view = selected(data, places, option)
    assert isinstance(view, GroundTruthData)
    return view


def _factors(data: ImageData, kind: str) -> Factors:
    if data.factors is None:
        raise ValueError(f"Expected data with known factors for {kind}. Received: {data.name!r}, which has none")
    return data.factors


def _varying(factors: Factors, name: str) -> int:
    varying = [each for each, size in zip(factors.names, factors.sizes, strict=True) if size > 1]
    if name not in varying:
        raise ValueError(f"Expected a factor out of {varying}. Received: {name!r}")
    return factors.names.index(name)
