"""Pictures of all formats that Pillow writes, damaged at random, and what becomes of them."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

_MODES = ("RGB", "L", "RGBA", "P", "1", "CMYK", "I;16")


def written_pictures(size: int = 24, seed: int = 0) -> list[tuple[str, bytes]]:
    """Files of noise in each format and mode that Pillow writes: (format, content)."""
    rng, found = np.random.default_rng(seed), []
    Image.init()
    pixels = Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8))
    for name in sorted(Image.SAVE):
        for mode in _MODES:
            picture = Image.fromarray(rng.integers(0, 2**16, (size, size), np.uint16))
            content = io.BytesIO()
            try:
                (picture if mode == "I;16" else pixels.convert(mode)).save(content, name)
            except (OSError, ValueError, KeyError, AttributeError, TypeError):
                continue  # not a mode of this format, or a format that is written by another program
            found.append((name, content.getvalue()))
    return found


def mutated(pictures: Sequence[tuple[str, bytes]], count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Pictures with 1 to 16 random bytes, half of them in the header; every fourth is also cut off."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        name, whole = pictures[k % len(pictures)]
        content = bytearray(whole)
        within = len(content) if rng.random() < 0.5 else min(len(content), 200)
        for place in rng.integers(within, size=rng.integers(1, 17)):
            content[place] = rng.integers(256)
        yield name, bytes(content if k % 4 else content[: rng.integers(len(content))])
