"""Event files of TensorBoard, when a training resumes."""

import os
from pathlib import Path

import tensorflow as tf

_FRAME = 16  # bytes around each record: its length, 8, and two checksums of 4


def forget_after(folder: str | os.PathLike, step: int) -> None:
    """Cuts off what a folder's event files logged after `step`, and records that are torn.

    A training that resumes from a checkpoint logs the steps after it again. Each file is cut in place, since a process
    writes its steps in ascending order.

    Args:
        folder: with event files or without; it need not exist.
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
