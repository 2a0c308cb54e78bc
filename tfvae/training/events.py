"""Event files of TensorBoard that a training goes on with."""

import os
from pathlib import Path

import tensorflow as tf

_FRAME = 16  # bytes around each record: its length, 8, and two checksums of 4


def forget_after(folder: str | os.PathLike, step: int) -> None:
    """Takes what was logged after `step` off the ends of a folder's event files, and records that were torn there.

    A training that goes on from a checkpoint logs the steps after it again. Each file is cut in place: a process
    writes its steps in ascending order.

    Args:
        folder: with event files, or none; it need not exist.
        step: the last one to keep.
    """
    for path in Path(folder).glob("*tfevents*"):
        kept = 0
        try:
            for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
                if tf.compat.v1.Event.FromString(record).step > step:
                    break
                kept += len(record) + _FRAME
        except tf.errors.DataLossError:
            pass
        if kept < path.stat().st_size:
            os.truncate(path, kept)
