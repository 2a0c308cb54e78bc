import errno
import os
from collections import namedtuple

import numpy as np
import pytest

from tfvae.data import rows
from tfvae.data.rows import RowWriter, rewrite

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_file_is_that_of_numpy(tmp_path, dtype):
    array = np.random.default_rng(0).normal(0, 50, (6, 5, 3)).astype(dtype)
    with RowWriter(tmp_path / "x.npy", (5, 3), 6, dtype) as writer:
        writer.write(array[:4])
        writer.write(array[4:])
    np.save(tmp_path / "y.npy", array)
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "y.npy").read_bytes()


def test_rows_at_their_places(tmp_path):
    with RowWriter(tmp_path / "x.npy", (4, 4, 3), 6) as writer:
        writer.write(IMAGES[[4, 0, 5]], np.array([4, 0, 5]))
        writer.write(IMAGES[[1, 3, 2]], np.array([1, 3, 2]))
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), IMAGES)
    with (
        pytest.raises(ValueError, match=r"Expected 6 rows\. Received: 2"),
        RowWriter(tmp_path / "y.npy", (4,), 6) as writer,
    ):
        writer.write(np.zeros((2, 4)), np.array([1, 0]))


def test_fewer_rows_than_possible(tmp_path):
    with RowWriter(tmp_path / "x.npy", (4, 4, 3), 10**6) as writer:
        writer.write(IMAGES)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), IMAGES)


def test_rows_are_rewritten(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", IMAGES)
    monkeypatch.setattr(rows, "rows_of_a_block", lambda *_: 4)
    rewrite(tmp_path / "x.npy", (4, 4, 1), lambda block: block[..., 1:2])
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), IMAGES[..., 1:2])
    assert os.listdir(tmp_path) == ["x.npy"]


def test_a_disk_without_room_is_reported_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(rows.shutil, "disk_usage", lambda _: usage(1000, 1000, 7))
    message = r"Expected 416 bytes free for x\.npy; .*cache=.*TFVAE_CACHE\. Received: 7 bytes free"
    with pytest.raises(OSError, match=message) as info:
        RowWriter(tmp_path / "x.npy", (4, 4, 3), 6)
    assert info.value.errno == errno.ENOSPC
    assert info.value.filename == str(tmp_path)
    assert "\n" not in str(info.value)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_disk_that_fills_up_is_reported(tmp_path, monkeypatch):
    with RowWriter(tmp_path / "x.npy", (4, 4, 3), 6) as writer, open("/dev/full", "wb", buffering=0) as full:
        with monkeypatch.context() as patch:
            patch.setattr(writer, "_file", full)
            with pytest.raises(OSError, match=r"Expected 416 bytes free for x\.npy"):
                writer.write(IMAGES)
        writer.write(IMAGES)
