"""How libraries report a disk that takes no more, and what a reader is shown."""

import errno
import os

import h5py
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from pyarrow import csv, parquet

from tests.full_disk import files_of_at_most
from tfvae.files.atomic import written_whole
from tfvae.files.disk import NotWrittenError, disk_errors_named, reason_of

NUMBERS = np.random.default_rng(0).random(20_000)


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["numbers"] = NUMBERS


def checkpoint(path):
    tf.train.Checkpoint(numbers=tf.Variable(NUMBERS)).write(str(path / "variables"))


def events(path):
    with tf.io.TFRecordWriter(str(path)) as file:
        file.write(NUMBERS.tobytes())
        file.flush()


WRITERS = {
    "text": lambda path: path.write_text(" " * 200_000),
    "npy": lambda path: np.save(path, NUMBERS),
    "npz": lambda path: np.savez(path, numbers=NUMBERS),
    "npz_compressed": lambda path: np.savez_compressed(path, numbers=NUMBERS),
    "picture": lambda path: Image.fromarray(np.uint8(255 * NUMBERS).reshape(100, 200)).save(path),
    "figure": lambda path: FigureCanvasAgg(Figure(figsize=(40, 40))).print_png(path),
    "csv": lambda path: csv.write_csv(pa.table({"numbers": NUMBERS}), path),
    "parquet": lambda path: parquet.write_table(pa.table({"numbers": NUMBERS}), path),
    "hdf5": hdf5,
    "tensorflow_checkpoint": checkpoint,
    "tensorflow_events": events,
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # h5py fails again as it closes the file
@pytest.mark.parametrize("writer", WRITERS)
def test_the_error_of_each_library_names_the_file_and_what_to_do(writer, tmp_path):
    suffix = {"npz": ".npz", "npy": ".npy", "npz_compressed": ".npz", "picture": ".png"}.get(writer, "")
    path = tmp_path / f"made{suffix}"

    def write():
        with written_whole(path, then="Do this") as beside:
            if writer == "tensorflow_checkpoint":
                beside.mkdir()
            WRITERS[writer](beside)

    with files_of_at_most(4096), pytest.raises(NotWrittenError) as raised:
        write()
    reason = (
        "the disk took only a part of it: it is full, or" if writer == "npy" else "it would be larger than the limit"
    )
    assert str(raised.value).startswith(f"{path} could not be written: {reason}")
    assert str(raised.value).endswith(" (ulimit -f). Do this")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "no space left"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only"), (errno.EIO, None)],
)
def test_reasons_of_the_system(number, reason):
    found = reason_of(OSError(number, os.strerror(number)))
    assert found is None if reason is None else reason in found
    assert reason_of(tf.errors.ResourceExhaustedError(None, None, f"/some/file; {os.strerror(number)}")) == found


def test_the_outermost_file_is_named_with_the_reason_of_the_innermost():
    def write():
        with disk_errors_named("the release"), disk_errors_named("a picture of it"):
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(NotWrittenError, match=r"^the release could not be written: there is no space left") as raised:
        write()
    assert "a picture" not in str(raised.value)


@pytest.mark.parametrize("error", [ValueError("wrong"), FileNotFoundError(errno.ENOENT, "absent", "/other"), OSError()])
def test_other_errors_pass_unchanged(error, tmp_path):
    def write():
        with written_whole(tmp_path / "file"):
            raise error

    with pytest.raises(type(error)) as raised:
        write()
    assert raised.value is error


def test_a_temporary_name_is_not_shown(tmp_path):
    def write():
        with written_whole(tmp_path / "file.txt") as beside:
            raise PermissionError(errno.EACCES, "denied", str(beside))

    with pytest.raises(NotWrittenError, match=rf"^{tmp_path}/file\.txt could not be written: Permission denied\. "):
        write()
