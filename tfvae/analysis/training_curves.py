"""Reads what a training wrote for TensorBoard."""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf


def read_scalars(folder: str | os.PathLike) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads all scalars of a folder of event files.

    If files overlap, because a run resumed from an earlier checkpoint, the latest file is used. A file that ends within
    a record, because the run was killed, is read up to that record.

    Args:
        folder: a folder such as a run's logs/.

    Returns:
        For each tag its steps, int64 [T], ascending, and its values, float64 [T].

    Raises:
        FileNotFoundError: if there is no event file.

    Examples:
        >>> from tfvae.analysis.training_curves import read_scalars
        >>> images = np.zeros([16, 16, 16, 1], np.float32)
        >>> experiment = tfvae.Experiment("vae", latent_dim=2, batch_size=8, steps=2, log_every=1, checkpoint_every=2)
        >>> model = tfvae.train(experiment, "runs/vae", data=images, progress=False)
        >>> steps, values = read_scalars("runs/vae/logs")["reconstruction"]
        >>> steps.tolist()
        [1, 2]
    """
    files = sorted(Path(folder).glob("*tfevents*"), key=lambda file: file.name.split("tfevents.")[-1])
    if not files:
        raise FileNotFoundError(f"Expected a folder with event files of TensorBoard. There are none in {folder}")
    found: dict[str, dict[int, float]] = {}
    for file in files:
        try:
            for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
                event = tf.compat.v1.Event.FromString(record)
                for value in event.summary.value:
                    plugin = value.metadata.plugin_data.plugin_name
                    # Only a tag's first event in a file names the plugin.
                    if plugin == "scalars" or (not plugin and value.tag in found):
                        found.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
        except tf.errors.DataLossError:
            continue
    return {
        tag: (np.array(sorted(points)), np.array([points[step] for step in sorted(points)]))
        for tag, points in found.items()
    }
