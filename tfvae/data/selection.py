"""Some of the images of a data set, with their factors, the names of their files, and their places in the whole."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tfvae.data.factor_table import rows_of
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import GraphImages, ImageData

if TYPE_CHECKING:
    import tensorflow as tf


def selected(data: ImageData, places: np.ndarray, option: str) -> ImageData:
    """Returns the images at some places, which are read as they are requested. Factors become a table.

    Args:
        data: images.
        places: int [N], places of images, which may occur more than once.
        option: what the name of the result has after the data's own name and a question mark.
    """
    name = f"{data.name}?{option}"
    digest = hashlib.sha256(data.digest.encode() + places.astype("<i8").tobytes()).hexdigest()
    images = _Selected(data, places)
    view = (
        ImageData(name, images, digest=digest)
        if data.factors is None
        else GroundTruthData(name, rows_of(data.factors, places), images, digest=digest)
    )
    view.files = None if data.files is None else tuple(data.files[place] for place in places)
    view.origins = places if data.origins is None else data.origins[places]
    view.notes = data.notes
    return view


class _Selected(GraphImages):
    """Some images of a data set, by their places there."""

    def __init__(self, data: ImageData, places: np.ndarray) -> None:
        self.shape = (len(places), *data.image_shape)
        self._data = data
        self._places = places

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self._data.images(self._places[indices])

    def in_graph(self) -> "Callable[[tf.Tensor], tf.Tensor] | None":
        """As `ImageData.in_graph`."""
        import tensorflow as tf

        read = self._data.in_graph()
        if read is None:
            return None
        places = tf.convert_to_tensor(self._places)
        return lambda indices: read(tf.gather(places, indices))
