"""Data sets with known factors, by name, and batches of them."""

from collections.abc import Callable
from typing import Any

from tfvae.data import dependence, dsprites, faces, shapes3d, tfds, variants
from tfvae.data.batches import batches
from tfvae.data.factor_table import FactorTable
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.image_data import ImageData

__all__ = ["DATASETS", "FactorSpace", "FactorTable", "GroundTruthData", "ImageData", "batches", "load"]

DATASETS: dict[str, Callable[..., GroundTruthData]] = {
    "dsprites": dsprites.load,
    "dsprites_background": variants.load_background,
    "dsprites_color": variants.load_color,
    "dsprites_noisy": variants.load_noisy,
    "faces": faces.load,
    "shapes3d": shapes3d.load,
}


def load(name: str, **kwargs: Any) -> GroundTruthData:
    """Loads a data set.

    Args:
        name: a key of `DATASETS`, or "tfds:" and a key of `tfds.LAYOUTS` for the one of TensorFlow Datasets.
            Behind a question mark, how its factors depend on each other (see `dependence`): two of them correlated,
            "dsprites?correlated=scale,posX,0.2", or combinations of values left out,
            "dsprites?held_out=shape:2,posX:16..31".
        **kwargs: arguments of that data set's own `load`.

    Returns:
        Images with known factors.

    Raises:
        ValueError: if the name is unknown, or what is behind the question mark does not fit the data.
    """
    name, asked, option = name.partition("?")
    if asked:
        return dependence.view(load(name, **kwargs), option)
    if name.startswith("tfds:"):
        return tfds.load(name.removeprefix("tfds:"), **kwargs)
    if name not in DATASETS:
        names = [*sorted(DATASETS), *(f"tfds:{builder}" for builder in sorted(tfds.LAYOUTS))]
        raise ValueError(f"Expected a data set out of {names}. Received: name={name!r}")
    return DATASETS[name](**kwargs)
