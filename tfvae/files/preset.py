"""Presets: a folder that holds a Keras model, in the layout of Keras and keras-hub.

config.json has the architecture, model.weights.h5 the weights with the optimizers' state, and metadata.json the version
of Keras. manifest.json, which is ours, has the digests of the three.
"""

import os
from pathlib import Path

import keras

from tfvae.files.atomic import written_whole
from tfvae.files.manifest import verify_if_present, write_manifest
from tfvae.files.state import read_object

FILES = ("config.json", "metadata.json", "model.weights.h5")


def write_preset(model: keras.Model, folder: str | os.PathLike) -> None:
    """Writes a model to a new folder, completely or not at all.

    Raises:
        FileExistsError: if the folder exists.
    """
    with written_whole(folder) as beside:
        keras.saving.save_model(model, beside, zipped=False)
        write_manifest(beside)


def is_preset(folder: Path) -> bool:
    """Whether a folder has a file of a preset."""
    return any((folder / name).is_file() for name in ("config.json", "model.weights.h5"))


def read_preset(folder: Path) -> keras.Model:
    """Loads a preset's folder.

    Raises:
        ValueError: if a file is missing, damaged or not as the manifest describes it, or Keras cannot load the model.
    """
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise ValueError(f"Expected a preset, a folder with {', '.join(FILES)}. Received: {folder} without {missing}")
    verify_if_present(folder)
    read_object(folder / "config.json", "the config of a preset")
    try:
        return keras.saving.load_model(folder)
    except Exception as error:  # whatever Keras and h5py raise for files that are damaged or of another class
        raise ValueError(f"Expected a preset that Keras can load. Received: {folder}: {error}") from error
