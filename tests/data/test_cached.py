import errno
import os
import threading

import numpy as np
import pytest

from tfvae.data import packed
from tfvae.data.cached import cached_array

SHAPE = (6, 5, 3)
ARRAY = np.random.default_rng(0).integers(-9, 9, SHAPE, np.int16)


def draw():
    yield ARRAY[:4]
    yield ARRAY[4:]


def never():
    pytest.fail("drawn again")
    yield


def test_an_array_is_drawn_once(tmp_path):
    path = tmp_path / "folder" / "array.npy"
    array, digest = cached_array(path, SHAPE, np.int16, draw)
    np.testing.assert_array_equal(array, ARRAY)
    again, same = cached_array(path, SHAPE, np.int16, never)
    np.testing.assert_array_equal(again, ARRAY)
    assert digest == same
    assert os.listdir(path.parent) == ["array.npy"]
    np.testing.assert_array_equal(np.load(path), ARRAY)


@pytest.mark.parametrize("place", [3, 70, 140, -40, -1])
def test_a_flipped_byte_is_found_wherever_it_is(tmp_path, place):
    path = tmp_path / "array.npy"
    cached_array(path, SHAPE, np.int16, draw)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[place] ^= 16
    path.write_bytes(damaged)
    with pytest.warns(UserWarning, match=r"array\.npy is damaged and is drawn again"):
        array, _ = cached_array(path, SHAPE, np.int16, draw)
    np.testing.assert_array_equal(array, ARRAY)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("left", [0, 20, 150, -1])
def test_a_file_that_is_cut_off_is_drawn_again(tmp_path, left):
    path = tmp_path / "array.npy"
    cached_array(path, SHAPE, np.int16, draw)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.warns(UserWarning, match="damaged"):
        array, _ = cached_array(path, SHAPE, np.int16, draw)
    np.testing.assert_array_equal(array, ARRAY)


def test_a_file_of_another_array_is_not_taken(tmp_path):
    path = tmp_path / "array.npy"
    cached_array(path, SHAPE, np.int16, draw)
    with pytest.warns(UserWarning, match="damaged"):
        array, _ = cached_array(path, SHAPE, np.uint16, lambda: [ARRAY.astype(np.uint16)])
    assert array.dtype == np.uint16


def test_a_disk_that_fills_up_leaves_nothing(tmp_path):
    def blocks():
        yield ARRAY[:4]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"Expected 340 bytes free for array\.npy"):
        cached_array(tmp_path / "array.npy", SHAPE, np.int16, blocks)
    assert not os.listdir(tmp_path)


def test_a_disk_without_room_is_told_before_anything_is_drawn(tmp_path, monkeypatch):
    usage = packed.shutil.disk_usage(tmp_path)._replace(free=7)
    monkeypatch.setattr(packed.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="7 bytes free"):
        cached_array(tmp_path / "array.npy", SHAPE, np.int16, never)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        cached_array(tmp_path / "file" / "array.npy", SHAPE, np.int16, never)


def test_too_few_blocks(tmp_path):
    with pytest.raises(ValueError, match=r"Expected 180 bytes of blocks\. Received: 120 bytes"):
        cached_array(tmp_path / "array.npy", SHAPE, np.int16, lambda: [ARRAY[:4]])
    assert not os.listdir(tmp_path)


def test_two_that_fill_it_at_once(tmp_path):
    both_have_begun = threading.Barrier(2, timeout=30)
    results = []

    def blocks():
        yield ARRAY[:4]
        both_have_begun.wait()
        yield ARRAY[4:]

    def fill():
        results.append(cached_array(tmp_path / "array.npy", SHAPE, np.int16, blocks))

    threads = [threading.Thread(target=fill) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0][1] == results[1][1]
    for array, _ in results:
        np.testing.assert_array_equal(array, ARRAY)
    assert os.listdir(tmp_path) == ["array.npy"]
