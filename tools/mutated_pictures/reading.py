"""Ways in which pictures get into the library, and how many of them are read."""

import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


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
