import errno
import os
import threading
from collections import namedtuple

import numpy as np
import pytest

from tfvae.data import cache as array_cache
from tfvae.data.cache import RowWriter, cached, rewrite

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 4, 4, 3), np.uint8)


def fill(folder):
    with RowWriter(folder / "images.npy", (4, 4, 3), 6) as writer:
        writer.write(IMAGES)
    np.save(folder / "table.npy", np.arange(6)[:, np.newaxis])


def never(folder):
    pytest.fail("filled again")


def every(entry):
    return entry.images[np.arange(6)]


def test_what_was_filled_is_read_as_a_memory_map(tmp_path):
    first = cached(tmp_path / "entry", fill)
    again = cached(tmp_path / "entry", never)
    assert first.digest == again.digest
    np.testing.assert_array_equal(every(again), IMAGES)
    np.testing.assert_array_equal(again.table[:, 0], np.arange(6))
    assert isinstance(again.images.base, np.memmap)
    assert os.listdir(tmp_path) == ["entry"]


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


def test_fewer_rows_than_there_might_have_been(tmp_path):
    with RowWriter(tmp_path / "x.npy", (4, 4, 3), 10**6) as writer:
        writer.write(IMAGES)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), IMAGES)
    rewrite(tmp_path / "x.npy", (4, 4, 1), lambda rows: rows[..., 1:2])
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), IMAGES[..., 1:2])


@pytest.mark.parametrize("name", ["images.npy", "table.npy", "digests.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "header", "empty", "remove"])
def test_damage_is_told_and_mended(tmp_path, name, damage):
    digest = cached(tmp_path / "entry", fill).digest
    path = tmp_path / "entry" / name
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[-9] ^= 4
        whole = path.read_bytes()
        path.write_bytes({"flip": content, "truncate": whole[:-5], "header": whole[1:], "empty": b""}[damage])
    with pytest.warns(UserWarning, match="entry is damaged and is made again"):
        again = cached(tmp_path / "entry", fill)
    assert again.digest == digest
    np.testing.assert_array_equal(every(again), IMAGES)
    assert os.listdir(tmp_path) == ["entry"]
    cached(tmp_path / "entry", never)


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("bad"), OSError(errno.EIO, "bad")])
def test_nothing_is_left_of_a_failure(tmp_path, failure):
    def fail(folder):
        fill(folder)
        raise failure

    with pytest.raises(type(failure)):
        cached(tmp_path / "entry", fail)
    assert not os.listdir(tmp_path)


def test_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(array_cache.shutil, "disk_usage", lambda _: usage(1000, 1000, 7))
    with pytest.raises(OSError, match=r"Expected 416 bytes free for images\.npy.*TFVAE_CACHE.*7 bytes") as info:
        cached(tmp_path / "entry", fill)
    assert info.value.errno == errno.ENOSPC
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_disk_that_fills_up_is_told(tmp_path, monkeypatch):
    with RowWriter(tmp_path / "x.npy", (4, 4, 3), 6) as writer, open("/dev/full", "wb", buffering=0) as full:
        with monkeypatch.context() as patch:
            patch.setattr(writer, "_file", full)
            with pytest.raises(OSError, match=r"Expected 416 bytes free for x\.npy"):
                writer.write(IMAGES)
        writer.write(IMAGES)


def test_two_threads_at_once(tmp_path):
    both_have_begun = threading.Barrier(2, timeout=30)
    entries = []

    def slow(folder):
        both_have_begun.wait()
        fill(folder)

    threads = [threading.Thread(target=lambda: entries.append(cached(tmp_path / "entry", slow))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [np.array_equal(every(entry), IMAGES) for entry in entries] == [True, True]
    assert os.listdir(tmp_path) == ["entry"]
