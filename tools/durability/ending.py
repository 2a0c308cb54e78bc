"""The complete result of a training, in a form that shows every bit that differs."""

import io
import os
import zipfile
from collections import defaultdict
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from tfvae.training.checkpoints import Checkpoints


def ending(workdir: str | os.PathLike) -> dict[str, bytes]:
    """The names in the folder, the tensors of the last checkpoint and of model.keras, and each log entry, by name.

    An entry that was logged twice has the bytes of both.

    Raises:
        OSError: when the folder is not that of a finished training.
    """
    workdir = Path(workdir)
    found = {f"file {path.name}": b"" for path in workdir.iterdir()}
    reader = tf.train.load_checkpoint(str(workdir / "checkpoints" / f"step-{last_step(workdir)}"))
    for name in reader.get_variable_to_shape_map():
        # The graph that names the objects lists them in an order that may differ, without a difference in values.
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH":
            found[f"checkpoint {name}"] = np.asarray(reader.get_tensor(name)).tobytes()
    with zipfile.ZipFile(workdir / "model.keras") as archive:
        content = archive.read("model.weights.h5")  # not config.json, where Keras numbers objects by address
    with h5py.File(io.BytesIO(content)) as weights:
        arrays: dict[str, h5py.Dataset] = {}
        weights.visititems(lambda name, item: arrays.update({name: item} if isinstance(item, h5py.Dataset) else {}))
        found |= {f"model {name}": array[()].tobytes() for name, array in arrays.items()}
    return found | _log_entries(workdir / "logs")


def differing(workdir: str | os.PathLike, other: str | os.PathLike) -> list[str]:
    """The names, as in `ending`, of everything that differs between two finished trainings."""
    one, two = ending(workdir), ending(other)
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


def last_step(workdir: str | os.PathLike) -> int:
    """The newest step with an index in a training's folder, or 0."""
    steps = Checkpoints.steps_in(Path(workdir) / "checkpoints")
    return max((step for step in steps if (Path(workdir) / "checkpoints" / f"step-{step}.index").exists()), default=0)


def _log_entries(folder: Path) -> dict[str, bytes]:
    entries: defaultdict[str, bytes] = defaultdict(bytes)
    for path in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                entries[f"log {value.tag} of step {event.step}"] += tf.make_ndarray(value.tensor).tobytes()
    return entries
