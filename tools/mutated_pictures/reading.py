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


def through_export(contents: Sequence[tuple[str, bytes]]) -> Counter[str]:
    """How the signature `encode_bytes` of an exported encoder, read from its files, answers each picture.

    Raises:
        ArithmeticError: if a code is not finite.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    from tfvae.export import export_encoder
    from tfvae.models import VAE

    def dense(inputs: tuple[int, ...], units: int) -> keras.Sequential:
        return keras.Sequential([keras.Input(inputs), keras.layers.Flatten(), keras.layers.Dense(units)])

    decoder = keras.Sequential([dense((3,), 768), keras.layers.Reshape((16, 16, 3))])
    model = VAE(encoder=dense((16, 16, 3), 6), decoder=decoder)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        loaded = tf.saved_model.load(str(export_encoder(model, Path(name, "1"))))
        encode = loaded.signatures["encode_bytes"]
        for _, content in contents:
            try:
                codes = encode(image_bytes=tf.constant([content]))
            except tf.errors.InvalidArgumentError:
                counts["INVALID_ARGUMENT"] += 1
                continue
            if not all(np.isfinite(code).all() for code in codes.values()):
                raise ArithmeticError(f"Expected finite codes for {content[:40]!r}...")
            counts["read"] += 1
    return counts
