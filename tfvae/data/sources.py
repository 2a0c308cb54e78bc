"""Data sets by name."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tfvae.data import declared, dependence, pairs, split
from tfvae.data.images import ImageData
from tfvae.data.names import parse

Loader = Callable[..., ImageData]
_Loader = TypeVar("_Loader", bound=Loader)

# A function, or its place as "module:function", which is imported on first use.
DATASETS: dict[str, Loader | str] = {
    "dsprites": "tfvae.data.sets.dsprites:load",
    "dsprites_background": "tfvae.data.sets.variants:load_background",
    "dsprites_color": "tfvae.data.sets.variants:load_color",
    "dsprites_noisy": "tfvae.data.sets.variants:load_noisy",
    "faces": "tfvae.data.sets.faces:load",
    "shapes3d": "tfvae.data.sets.shapes3d:load",
}
# These read what follows the colon of a name: a path, or a builder of TensorFlow Datasets.
SOURCES: dict[str, Loader | str] = {
    "tfds": "tfvae.data.sets.tfds:load",
    "folder": "tfvae.data.sets.folder:load",
    "npz": "tfvae.data.sets.arrays:load",
    "chairs": "tfvae.data.sets.chairs:load",
    "cars3d": "tfvae.data.sets.cars3d:load",
    "falcor3d": "tfvae.data.sets.numbered_pictures:load_falcor3d",
    "isaac3d": "tfvae.data.sets.numbered_pictures:load_isaac3d",
    "mpi3d": "tfvae.data.sets.published_arrays:load_mpi3d",
    "shapes3d": "tfvae.data.sets.published_arrays:load_shapes3d",
    "smallnorb": "tfvae.data.sets.smallnorb:load",
}
# Options of every data set, unless its own loader declares them.
_OF_ANY = (*split.OPTIONS, *declared.OPTIONS, *dependence.SYNTAX, *pairs.OPTIONS)


def load(name: str, **kwargs: Any) -> Any:
    """Loads a data set.

    Args:
        name: a key of `DATASETS`; or a key of `SOURCES` with what it reads: "tfds:mnist", "folder:PATH", "npz:PATH",
            "mpi3d:PATH", "shapes3d:PATH", "isaac3d:PATH", "falcor3d:PATH", "smallnorb:PATH", "chairs:PATH",
            "cars3d:PATH". It may have options: "folder:PATH?size=64&channels=3" (see `names.parse`). If the factors are
            known, options can also make them depend on each other (see `dependence`): correlate two of them,
            "dsprites?correlated=scale,posX,0.2", or leave out combinations of values,
            "dsprites?held_out=shape:2,posX:16..31"; and declare which are continuous and which discrete, where the rule
            (`factor_table.is_discrete`) is wrong: "npz:PATH?continuous=age,angle&discrete=make". Of any data set they
            choose a part, "dsprites?split=train" or "dsprites?split=validation", a tenth of the images unless
            "&validation=0.2" says otherwise (see `split.split`). `split` is of TensorFlow Datasets for "tfds:", unless
            `validation` is given, which divides its split "train". And they give each image a partner, for models that
            learn from pairs: "dsprites?pairs=1", "folder:video?pairs=consecutive" (see `paired`).
        **kwargs: more options, which are arguments of the data set's own `load`.

    Returns:
        `GroundTruthData` if the factors are known, else `ImageData`.

    Raises:
        ValueError: if the name or an option is unknown, or an option is given twice.
        TypeError: if the function that was registered under the name does not return `ImageData`.

    Examples:
        >>> data = tfvae.data.load("dsprites")
        >>> data.image_shape
        (64, 64, 1)
        >>> data.factors.names
        ('color', 'shape', 'scale', 'orientation', 'posX', 'posY')
    """
    base, options = parse(name)
    source, colon, rest = base.partition(":")
    if colon and source in SOURCES:
        loader, arguments = _function(SOURCES[source]), [rest]
    elif base in DATASETS:
        loader, arguments = _function(DATASETS[base]), []
    else:
        names = [*sorted(DATASETS), *(f"{key}:..." for key in SOURCES)]
        raise ValueError(f"Expected a data set out of {names}. Received: name={name!r}")
    own = _check_options(base, loader, len(arguments), [*options, *kwargs])
    options |= kwargs
    parts = _popped(split.OPTIONS, options, own)
    if "split" in own and "split" in options and "validation" in parts:
        # Its own split "train" is divided: the images of its test stay apart.
        parts["split"], options["split"] = options["split"], "train"
    kinds = _popped(declared.OPTIONS, options, own)
    dependent = _popped(dependence.SYNTAX, options, own)
    partners = _popped(pairs.OPTIONS, options, own)
    data = loader(*arguments, **options)
    if not isinstance(data, ImageData):
        raise TypeError(f"Expected the loader of {base!r} to return ImageData. Received: {type(data).__name__}")
    if kinds:
        data = declared.declared(data, **kinds)
    for key, value in dependent.items():
        data = dependence.view(data, f"{key}={value}")
    data = split.split_by_options(data, parts)
    return pairs.paired(data, **partners) if partners else data


def register_data(name: str) -> Callable[[_Loader], _Loader]:
    """Registers a function as a data set, which `load` and experiments then find by its name.

        @tfvae.register_data("mine")
        def load_mine(*, size=64): ...      # "mine", "mine?size=32"

        @tfvae.register_data("mine:")
        def load_from(path, *, size=64): ...  # "mine:PATH", "mine:PATH?size=32"

    Args:
        name: letters, digits, "_", "-" and ".", beginning with a letter. With a colon at its end it names a source: the
            function's first argument is then the text after the colon of the loaded name.

    Returns:
        A decorator that returns the function as it is. The function returns `ImageData`; its other arguments are the
        options of the data set.

    Raises:
        ValueError: if the name has another form, or is taken.

    Examples:
        >>> @tfvae.register_data("grey_tiles")
        ... def load_grey_tiles(*, size=16):
        ...     return tfvae.data.as_image_data(np.linspace(0, 1, 8)[:, None, None, None] * np.ones([8, size, size, 1]))
        >>> tfvae.data.load("grey_tiles?size=32").image_shape
        (32, 32, 1)
    """
    if not re.fullmatch(r"[A-Za-z][\w.-]*:?", name, re.ASCII):
        raise ValueError(
            f"Expected a name of letters, digits, '_', '-' and '.', beginning with a letter, perhaps with a colon at "
            f"its end. Received: name={name!r}"
        )
    table, key = (SOURCES, name[:-1]) if name.endswith(":") else (DATASETS, name)
    if key in table:
        raise ValueError(f"Expected a name that is not taken. Received: name={name!r}")

    def register(loader: _Loader) -> _Loader:
        if not callable(loader):
            raise TypeError(f"Expected a function that returns ImageData. Received: {type(loader).__name__}")
        table[key] = loader
        return loader

    return register


def _function(loader: Loader | str) -> Loader:
    if not isinstance(loader, str):
        return loader
    module, _, function = loader.partition(":")
    return getattr(importlib.import_module(module), function)


def _check_options(base: str, loader: Loader, positional: int, options: list[str]) -> list[str]:
    """Returns the options that the loader itself declares; those of any data set are allowed too."""
    parameters = [*inspect.signature(loader).parameters.values()][positional:]
    known = [each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    any_name = any(each.kind == each.VAR_KEYWORD for each in parameters)
    for option in options:
        if (option not in {*known, *_OF_ANY} and not any_name) or options.count(option) > 1:
            raise ValueError(f"Expected options of {base!r} out of {known}, each once. Received: {option!r}")
    return known


def _popped(names: Iterable[str], options: dict[str, Any], own: list[str]) -> dict[str, Any]:
    """Takes options of these names out of `options`, but for those that the data set's own loader declares."""
    return {name: options.pop(name) for name in names if name in options and name not in own}
