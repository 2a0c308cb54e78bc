"""The values that a latent takes in a traversal, and how they are written."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfvae.codes.latents import latent_moments

DEVIATIONS = 2.0  # a traversal goes this many standard deviations to each side of the mean


def usual_values(outputs: Mapping[str, Any], steps: int) -> np.ndarray:
    """Values from two standard deviations below the mean of each latent over the images to two above.

    Mean and standard deviation are those of the aggregate posterior, where the decoder was trained: see
    `tfvae.codes.latent_moments`. One image does not show where the codes lie: its latents go from -2 to 2, where a
    standard normal prior has 95% of its mass.

    Args:
        outputs: of an encoder for some images, by name: "mean" [N, D], and "log_variance" [N, D] if it has them.
        steps: int, the number of values.

    Returns:
        float64 [D, steps].
    """
    mean, deviation = latent_moments(outputs)
    if len(outputs["mean"]) < 2:
        mean, deviation = np.zeros_like(mean), np.ones_like(deviation)
    return mean[:, np.newaxis] + deviation[:, np.newaxis] * np.linspace(-DEVIATIONS, DEVIATIONS, steps)


def shared(values: np.ndarray) -> bool:
    """Whether all latents take the same values, float [D, V]."""
    return bool((values == values[:1]).all())


def column_labels(values: np.ndarray) -> list[str]:
    """What stands above each column of values, float [D, V]: the value, or by how many standard deviations it is off.

    Values that differ between latents are those of `usual_values`.
    """
    if shared(values):
        places = _places(values[0])
        return [_written(value, places) for value in values[0]]
    return [f"{_written(offset, 1)} sd" for offset in np.linspace(-DEVIATIONS, DEVIATIONS, values.shape[1])]


def range_label(values: np.ndarray) -> str:
    """The first and last of a latent's values, float [V], as precisely as tells them apart: "-0.3 to 1.7"."""
    places = _places(values)
    return f"{_written(values[0], places)} to {_written(values[-1], places)}"


def _places(values: np.ndarray) -> int:
    """How many decimal places tell values apart: one for a range from 1 to 10."""
    width = float(np.ptp(values))
    return 1 if width == 0 else int(np.clip(1 - np.floor(np.log10(width)), 0, 9))


def _written(value: float, places: int) -> str:
    return f"{np.round(value, places) + 0.0:.{places}f}"  # + 0.0: no "-0.0"
