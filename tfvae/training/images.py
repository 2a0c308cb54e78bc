"""Images to train on, in whatever form they are given."""

import numpy as np

from tfvae.data.images import ImageData


def as_image_data(data: ImageData | np.ndarray) -> ImageData:
    """Image data as they are; an array [N, H, W, C], uint8 or float in [0, 1], as image data named "array".

    Raises:
        TypeError: for anything else.
        ValueError: for floats that are not in [0, 1].
    """
    if isinstance(data, ImageData):
        return data
    if not isinstance(data, np.ndarray):
        raise TypeError(f"Expected images: image data of tfvae, or an array. Received: a {type(data).__name__}")
    if data.dtype != np.uint8:
        if not (data.min() >= 0 and data.max() <= 1):
            raise ValueError(f"Expected images in [0, 1] or uint8. Received: {data.min()} to {data.max()}")
        return ImageData("array", np.rint(data * 255).astype(np.uint8))
    return ImageData("array", data)
