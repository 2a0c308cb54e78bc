"""Images whose factors of variation are known."""

import numpy as np

from tfvae.data.factors import Factors, FactorSpace
from tfvae.data.images import ImageData, Images


class GroundTruthData(ImageData):
    """Images with known factors: one for each point of a factor space, in its order, or one for each row of a table.

    Args:
        name: what the data set is called.
        factors: a `FactorSpace` or a `FactorTable`; its length is the number of images.
        images: uint8 [N, H, W, C] in 0 .. 255, an array or an object that is indexed by int64 [N] like one.
        digest: identifies the content; by default the SHA-256 of the images, computed when it is asked for.

    Raises:
        ValueError: if there is not one image for each point of the factor space.
    """

    def __init__(self, name: str, factors: Factors, images: Images, *, digest: str | None = None) -> None:
        if len(images.shape) != 4 or images.shape[0] != len(factors):
            raise ValueError(f"Expected images of shape [{len(factors)}, H, W, C]. Received: shape={images.shape}")
        super().__init__(name, images, digest=digest)
        self.factors: Factors = factors
        # Those that vary, which are those that a metric can score.
        self.scored_factors = tuple(n for n, size in zip(factors.names, factors.sizes, strict=True) if size > 1)

    def images_of(self, factors: np.ndarray) -> np.ndarray:
        """Returns the images of factors, int array [N, K], as uint8 [N, H, W, C]; raises as `to_index` does.

        Raises:
            ValueError: also if the factors are a table, where a row may have no image, or several.
        """
        if not isinstance(self.factors, FactorSpace):
            raise ValueError(f"Expected data whose factors form a grid. Received: a table of {len(self)} rows")
        return self._images[self.factors.to_index(factors)]
