"""Reads damaged pictures through `folder:` data and through an exported encoder's graph; none may escape as an error.

  python -m tools.mutated_pictures
  python -m tools.mutated_pictures --folder=300 --export=50

`folder:?skip_broken` has to read or skip each of them, and the graph has to answer each with finite pixels or
INVALID_ARGUMENT. It takes some minutes.
"""

import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfvae.cli import start

FOLDER = flags.DEFINE_integer("folder", 30_000, "The number of pictures in a folder.", 1)
EXPORT = flags.DEFINE_integer("export", 5_000, "The number of pictures for the graph.", 1)
SEED = flags.DEFINE_integer("seed", 0, "Decides the damage.", 0)


def main(argv: Sequence[str]) -> None:
    from tools.mutated_pictures import mutated, written_pictures

    pictures = written_pictures()
    print(f"{len(pictures)} pictures of {len({name for name, _ in pictures})} formats")
    begin = time.monotonic()
    read = through_folder(list(mutated(pictures, FOLDER.value, SEED.value)))
    print(f"folder: {read:,} of {FOLDER.value:,} read, the others skipped, {time.monotonic() - begin:.0f} s")
    begin = time.monotonic()
    served = [each for each in pictures if each[0] in ("PNG", "JPEG")]  # others are refused by their first bytes
    counts = through_graph([*mutated(served, EXPORT.value, SEED.value + 1), *pictures])
    print(f"graph: {dict(counts)}, {time.monotonic() - begin:.0f} s")
    print(f"memory: at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB")


def through_folder(contents: Sequence[tuple[str, bytes]]) -> int:
    """The number of pictures that `folder:` reads; each stands under the suffix of its format, or a wrong one."""
    from tfvae.data.sets import folder

    suffixes = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "TIFF": "tif", "JPEG2000": "jp2"}
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = Path(name, "pictures")
        root.mkdir()
        for place, (kind, content) in enumerate(contents):
            suffix = suffixes.get(kind, kind.lower())
            path = root / f"{place}.{suffix}"
            (path if folder.suffix_of_picture(path) else path.with_suffix(".png")).write_bytes(content)
        return len(folder.load(root, size=16, skip_broken=True, cache=Path(name, "cache")))


def through_graph(contents: Sequence[tuple[str, bytes]]) -> Counter[str]:
    """How the graph of an exported encoder answers each picture.

    Raises:
        ArithmeticError: if a pixel is not finite.
    """
    import numpy as np
    import tensorflow as tf

    from tfvae.export.pictures import decode_pictures

    decode = tf.function(
        lambda strings: decode_pictures(strings, (16, 16, 3)),
        input_signature=[tf.TensorSpec((None,), tf.string)],
        autograph=False,
    )
    counts: Counter[str] = Counter()
    for _, content in contents:
        try:
            pixels = decode(tf.constant([content])).numpy()
        except tf.errors.InvalidArgumentError:
            counts["INVALID_ARGUMENT"] += 1
            continue
        if not np.isfinite(pixels).all():
            raise ArithmeticError(f"Expected finite pixels for {content[:40]!r}...")
        counts["read"] += 1
    return counts


if __name__ == "__main__":
    start.run(sys.modules[__name__])
