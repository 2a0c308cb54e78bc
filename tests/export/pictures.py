"""Writes PNG files of every kind, with the pixels that they show."""

import struct
import zlib

import numpy as np

# Colour types of the PNG specification: what they are, their channels and their bits.
KINDS = {
    0: ("grey", 1, (1, 2, 4, 8, 16)),
    2: ("colour", 3, (8, 16)),
    3: ("palette", 1, (1, 2, 4, 8)),
    4: ("grey and opacity", 2, (8, 16)),
    6: ("colour and opacity", 4, (8, 16)),
}
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def every_png(size=16, seed=0):
    """Yields (name, the file, float pixels [size, size, 3] in 0..255 over white) for each kind of PNG."""
    for kind, (name, channels, depths) in KINDS.items():
        for bits in depths:
            for transparent in (False, True) if kind in (0, 2, 3) else (False,):
                for interlaced in (False, True):
                    rng = np.random.default_rng([seed, kind, bits, transparent, interlaced])
                    levels = rng.integers(0, 2**bits, (size, size, channels))
                    levels[3, 4] = np.maximum(levels[3, 4], 1)  # 0 would be the same in any number of bits
                    palette = rng.integers(0, 256, (2**bits, 4)) if kind == 3 else None
                    colour, opacity = _shown(levels, bits, kind, palette, transparent)
                    chunks = b"" if palette is None else _chunk(b"PLTE", palette[:, :3].astype(np.uint8).tobytes())
                    if transparent:
                        one = levels[3, 4].astype(">u2") if palette is None else palette[:, 3].astype(np.uint8)
                        chunks += _chunk(b"tRNS", one.tobytes())
                    # A reader that searches for the name alone finds it in a comment.
                    chunks += _chunk(b"tEXt", b"Comment\0tRNS")
                    words = f"{bits} bits, {name}", "tRNS" * transparent, "interlaced" * interlaced
                    file = _png(levels, bits, kind, chunks, interlaced)
                    yield ", ".join(filter(None, words)), file, 255 + (colour - 255) * opacity


def _shown(levels, bits, kind, palette, transparent):
    """Colour in 0..255 and opacity in 0..1 of each pixel."""
    if palette is not None:
        found = palette[levels[..., 0]]
        return found[..., :3], found[..., 3:] / 255 if transparent else 1
    scaled = levels / (2**bits - 1)
    if kind in (4, 6):
        return 255 * np.broadcast_to(scaled[..., :-1], (*levels.shape[:2], 3)), scaled[..., -1:]
    opaque = (levels != levels[3, 4]).any(axis=-1, keepdims=True) if transparent else 1
    return 255 * np.broadcast_to(scaled, (*levels.shape[:2], 3)), opaque


def _png(levels, bits, kind, chunks, interlaced):
    height, width, _ = levels.shape
    parts = [levels[top::down, left::right] for top, left, down, right in _ADAM7] if interlaced else [levels]
    rows = b"".join(b"\0" + _packed(row, bits) for part in parts if part.size for row in part)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + chunks
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _packed(row, bits):
    each = np.unpackbits(row.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)[:, 16 - bits :]
    return np.packbits(each.ravel()).tobytes()


def _chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
