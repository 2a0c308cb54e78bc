"""How well a categorical latent agrees with the values of a factor."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix


def category_accuracy(
    represent: Callable[[np.ndarray], Mapping[str, Any]], data: Any, *, batch_size: int = 512
) -> dict[str, dict[str, float]]:
    """The fraction of images whose most probable category is the one matched to their factor's value.

    accuracy = max over one-to-one maps m of (1/N) #{n : argmax_c q(c | x_n) = m(v_n)}    (Chen et al., 2016, 7.2)

    Labels are used only for the matching. Guessing gives about 1 / C.

    Args:
        represent: float32 images [B, H, W, C] -> {"probabilities": [B, C]}.
        data: images with known factors (`tfvae.data.GroundTruthData`).
        batch_size: int, the number of images that are encoded at once.

    Returns:
        For each discrete factor of exactly C values, "accuracy" and its "standard_error", as if the N images were drawn
        at random; empty if there is no such factor.

    Examples:
        >>> from tfvae.analysis.category_accuracy import category_accuracy
        >>> data = tfvae.data.GroundTruthData(
        ...     "bars", tfvae.data.FactorSpace(["bar"], [range(2)]), np.eye(2, dtype=np.uint8).reshape(2, 2, 1, 1) * 255
        ... )
        >>> def represent(images):
        ...     return {"probabilities": images[:, ::-1, 0, 0]}  # right, but category 0 is bar 1
        >>> category_accuracy(represent, data)["bar"]["accuracy"]
        1.0
    """
    blocks = np.split(np.arange(len(data)), range(batch_size, len(data), batch_size))
    probabilities = np.concatenate([represent(data.scaled(rows))["probabilities"] for rows in blocks])
    factors, places = data.factors, data.factors.to_factors(np.arange(len(data)))
    found = {}
    for column, name in enumerate(factors.names):
        if factors.sizes[column] != probabilities.shape[1] or factors.continuous[column]:
            continue
        together = contingency_matrix(places[:, column], probabilities.argmax(axis=1))
        accuracy = float(together[linear_sum_assignment(together, maximize=True)].sum() / len(data))
        error = float(np.sqrt(accuracy * (1 - accuracy) / len(data)))
        found[name] = {"accuracy": accuracy, "standard_error": error}
    return found
