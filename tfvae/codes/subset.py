"""A random part of the images."""

import numpy as np


def subset(size: int, number: int, rng: np.random.Generator) -> np.ndarray:
    """`number` different indices in [0, size), sorted, or all of them if there are fewer: int [min(number, size)]."""
    return np.arange(size) if size <= number else np.sort(rng.choice(size, number, replace=False))
