"""Data sets by name."""

import inspect
from collections.abc import Callable
from typing import Any

from tfvae.data import dependence
from tfvae.data.images import ImageData
from tfvae.data.names import parse
from tfvae.data.sets import arrays, cars3d, chairs, dsprites, faces, folder, shapes3d, tfds, variants

DATASETS: dict[str, Callable[..., ImageData]] = {
    "dsprites": dsprites.load,
    "dsprites_background": variants.load_background,
    "dsprites_color": variants.load_color,
    "dsprites_noisy": variants.load_noisy,
    "faces": faces.load,
    "shapes3d": shapes3d.load,
}
# Of what is after the colon, a path or a builder of TensorFlow Datasets, these read data.
SOURCES: dict[str, Callable[..., ImageData]] = {
    "tfds": tfds.load,
    "folder": folder.load,
    "npz": arrays.load,
    "chairs": chairs.load,
    "cars3d": cars3d.load,
}


def load(name: str, **kwargs: Any) -> Any:
    """Loads a data set.

    Args:
        name: a key of `DATASETS`, or a key of `SOURCES` with what it reads: "tfds:mnist", "folder:PATH", "npz:PATH",
            "chairs:PATH", "cars3d:PATH"; perhaps with options: "folder:PATH?size=64&channels=3" (see `names.parse`).
            Where factors are known, options also say how they depend on each other (see `dependence`): two of them
            correlated, "dsprites?correlated=scale,posX,0.2", or combinations of values left out,
            "dsprites?held_out=shape:2,posX:16..31".
        **kwargs: further options, which are arguments of that data set's own `load`.

    Returns:
        `ImageData`, or `GroundTruthData` where factors are known.

    Raises:
        ValueError: if the name or an option is unknown, or an option is given twice.
    """
    base, options = parse(name)
    source, colon, what = base.partition(":")
    if colon and source in SOURCES:
        loader, arguments = SOURCES[source], [what]
    elif base in DATASETS:
        loader, arguments = DATASETS[base], []
    else:
        names = [*sorted(DATASETS), *(f"{key}:..." for key in SOURCES)]
        raise ValueError(f"Expected a data set out of {names}. Received: name={name!r}")
    dependent = {key: options.pop(key) for key in dependence.SYNTAX if key in options}
    known = [*inspect.signature(loader).parameters][len(arguments) :]
    for option in (*options, *kwargs):
        if option not in known or (option in options and option in kwargs):
            raise ValueError(f"Expected options of {base!r} out of {known}, each once. Received: {option!r}")
    data = loader(*arguments, **options, **kwargs)
    for key, value in dependent.items():
        data = dependence.view(data, f"{key}={value}")
    return data
