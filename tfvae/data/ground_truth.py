"""Images whose factors of variation are known."""

import numpy as np

from tfvae.data.factors import Factors
from tfvae.data.images import ImageData, Images, check_shape


class GroundTruthData(ImageData):
    """Images with known factors: one for each point of a factor space, in its order, or one for each row of a table.

    Args:
        name: the name of the data set.
        factors: a `FactorSpace` or a `FactorTable`; its length is the number of images.
        images: as `ImageData` takes them.
        digest: as `ImageData` takes it.

    Raises:
        TypeError: as `ImageData` does.
        ValueError: if the number of images is not that of the factors, or as `ImageData` does.

    Examples:
        >>> factors = tfvae.data.FactorSpace(["x", "y"], [range(4), range(2)])
        >>> data = tfvae.data.GroundTruthData("mine", factors, np.zeros([8, 16, 16, 1], np.uint8))
        >>> len(data), data.scored_factors
        (8, ('x', 'y'))
    """

    factors: Factors

    def __init__(self, name: str, factors: Factors, images: Images, *, digest: str | None = None) -> None:
        check_shape(images.shape)
        if images.shape[0] != len(factors):
            raise ValueError(
                f"Expected images of shape [{len(factors)}, H, W, C], or as many vectors. "
                f"Received: shape={images.shape}"
            )
        super().__init__(name, images, digest=digest)
        self.factors = factors
        # Only factors that vary can be scored.
        self.scored_factors = tuple(n for n, size in zip(factors.names, factors.sizes, strict=True) if size > 1)

    def images_of(self, factors: np.ndarray) -> np.ndarray:
        """Returns the images of factors, int array [N, K], as uint8 [N, H, W, C].

        Raises:
            TypeError, ValueError: as `FactorSpace.to_index` does.
            ValueError: also if the factors are a table, where a row may have no image, or several.
        """
        return self._images[self.factors.to_index(factors)]
