"""Arrays as image data."""

from typing import Any

import numpy as np

from tfvae.data.columns import names_of_columns
from tfvae.data.factor_table import FactorTable
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData, stored


def as_image_data(data: Any) -> ImageData:
    """Returns arrays as image data, and image data as it is.

    Args:
        data: `ImageData`; or an array of images [N, H, W, C] or [N, H, W], or of vectors [N, F]; or a pair
            (images, factors) with numbers or text [N, K], the factors of each image. Images are uint8 in 0 .. 255, bool
            (False is black, True is white), or floats x in [0, 1], which become uint8 by round(255 x): the scores of a
            model are then those of the rounded images. Vectors are finite floats, and stay as they are, in float32.

    Returns:
        `ImageData`, or `GroundTruthData` for a pair: with a `FactorTable` of the names of a DataFrame's columns, or
        factor0, factor1, ... Its name is "array".

    Raises:
        TypeError: if the data is something else, or an array has another dtype.
        ValueError: if an array has another shape, floats are outside of [0, 1], factors are not finite, or uint8 images
            have only the values 0 and 1, which would be nearly black.

    Examples:
        >>> data = tfvae.data.as_image_data((np.zeros([4, 16, 16, 1]), np.arange(8).reshape(4, 2)))
        >>> len(data), data.image_shape, data.factors.names
        (4, (16, 16, 1), ('factor0', 'factor1'))
    """
    if isinstance(data, ImageData):
        return data
    images, factors = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    if not isinstance(images, np.ndarray):
        raise TypeError(
            f"Expected ImageData, an array of images [N, H, W, C] or vectors [N, F], or a pair (images, factors) of "
            f"arrays. "
            f"Received: {_described(data)}"
        )
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise ValueError(
            f"Expected images of shape [N, H, W, C] or [N, H, W], or vectors [N, F], none of them 0. "
            f"Received: shape={images.shape}"
        )
    images = stored(images[..., np.newaxis] if images.ndim == 3 else images)
    if factors is None:
        return ImageData("array", images)
    table = np.asarray(factors)
    if table.ndim != 2 or len(table) != len(images):
        raise ValueError(f"Expected factors of shape [{len(images)}, K]. Received: shape={table.shape}")
    return GroundTruthData("array", FactorTable(names_of_columns(factors, table.shape[1]), table), images)


def _described(data: Any) -> str:
    if isinstance(data, tuple):
        return f"({', '.join(type(part).__name__ for part in data)})"
    return type(data).__name__
