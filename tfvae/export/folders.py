"""Versions of an exported model: TensorFlow Serving's layout <name>/<version>, the version a positive integer."""

import os
from pathlib import Path

from tfvae.files.manifest import verify_if_present


def versions(folder: str | os.PathLike) -> list[int]:
    """The versions exported into a folder ".../<name>", ascending; without folders that are being written.

    Examples:
        >>> from tfvae.export import versions
        >>> len(versions(tfvae.zoo.saved_models() / "vae-dsprites")) >= 1
        True
    """
    folder = Path(folder)
    names = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if _is_version(name))


def check_version(path: Path) -> None:
    """Checks that a path is free for a new version.

    Raises:
        ValueError: if it does not end in a positive integer.
        FileExistsError: if it exists.
    """
    if not _is_version(path.name):
        raise ValueError(f"Expected a path that ends in a version, a positive integer. Received: path='{path}'")
    if path.exists():
        free = max(versions(path.parent), default=0) + 1
        raise FileExistsError(f"Expected a new version. Received: path='{path}', which exists. The next one is {free}.")


def checked_folder(path: str | os.PathLike) -> Path:
    """Checks that a path is a SavedModel's folder, whose files are those of its manifest, and returns it.

    An export of another library, without a manifest.json, passes.

    Raises:
        ValueError: if it is not one, or `verify_manifest` finds a difference.
    """
    import tensorflow as tf

    path = Path(path)
    if not tf.saved_model.contains_saved_model(str(path)):
        found = versions(path)
        hint = f"It holds the versions {found}: add one to the path." if found else "Write one with export_encoder."
        raise ValueError(f"Expected the folder of a SavedModel (with saved_model.pb). Received: path='{path}'. {hint}")
    verify_if_present(path)
    return path


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdecimal() and not name.startswith("0")
