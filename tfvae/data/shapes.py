"""What the shape of an example, (H, W, C) of an image or (F,) of a vector, says about it."""

from collections.abc import Sequence

_NOUNS = {1: "vectors", 3: "images"}


def is_image(shape: Sequence[int | None]) -> bool:
    """Whether examples of this shape are images: (H, W, C)."""
    return len(shape) == 3


def noun(shape: Sequence[int | None]) -> str:
    """What examples of this shape are called: "images" (H, W, C), "vectors" (F,), or "arrays"."""
    return _NOUNS.get(len(shape), "arrays")


def undrawable(shape: Sequence[int | None]) -> str | None:
    """Why examples of this shape cannot be drawn, as a clause; None for images that are grey or in colour."""
    if not is_image(shape):
        return f"the data are {noun(shape)} of shape {tuple(shape)}, not images"
    if shape[-1] not in (1, 3):
        return f"the images have {shape[-1]} channels, and only images of 1 or 3 can be drawn"
    return None
