import errno
import os
import threading
from collections import namedtuple

import numpy as np
import pytest

from tfvae.data import packed
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.packed import PackedImages, cache_folder, packed_digest, write_packed

SHAPE = (12, 8)


@pytest.fixture
def space() -> FactorSpace:
    return FactorSpace(("one", "shape", "hue"), (np.ones(1), np.arange(3.0), np.arange(4.0)))


@pytest.fixture
def bits() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)


def test_packed_images_are_what_was_packed(tmp_path, space):
    images = 255 * np.random.default_rng(0).integers(0, 2, (12, 8, 4, 2), np.uint8)
    path = tmp_path / "folder" / "packed.npy"
    packed = np.packbits(images.reshape(12, -1), axis=-1)
    digest = write_packed(path, (12, 8), [packed[:5], packed[5:]])
    assert packed_digest(path, (12, 8)) == digest
    data = GroundTruthData("packed", space, PackedImages(path, (8, 4, 2)))
    np.testing.assert_array_equal(data.images(np.arange(12)), images)
    np.testing.assert_array_equal(np.load(path), packed)
    assert os.listdir(path.parent) == ["packed.npy"]


@pytest.mark.parametrize("damage", ["flip", "truncate", "lengthen", "header", "empty"])
def test_damage_is_found(tmp_path, bits, damage):
    path = tmp_path / "packed.npy"
    digest = write_packed(path, SHAPE, [bits])
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-3] ^= 4
    content = {"truncate": content[:-1], "lengthen": content + b"0", "header": content[1:], "empty": b""}.get(
        damage, content
    )
    path.write_bytes(content)
    assert packed_digest(path, SHAPE) != digest


def test_file_of_another_shape_is_not_taken(tmp_path, bits):
    write_packed(tmp_path / "packed.npy", SHAPE, [bits])
    assert packed_digest(tmp_path / "packed.npy", (8, 12)) is None


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("bad"), OSError(errno.EIO, "bad")])
def test_nothing_is_left_of_a_failure_and_the_old_file_stays(tmp_path, bits, failure):
    def blocks():
        yield bits[:6]
        raise failure

    with pytest.raises(type(failure)):
        write_packed(tmp_path / "new.npy", SHAPE, blocks())
    assert not os.listdir(tmp_path)

    digest = write_packed(tmp_path / "old.npy", SHAPE, [bits])
    with pytest.raises(type(failure)):
        write_packed(tmp_path / "old.npy", SHAPE, blocks())
    assert packed_digest(tmp_path / "old.npy", SHAPE) == digest
    assert os.listdir(tmp_path) == ["old.npy"]


def test_too_few_images(tmp_path, bits):
    with pytest.raises(ValueError, match=r"Expected 96 bytes of images\. Received: 48 bytes"):
        write_packed(tmp_path / "packed.npy", SHAPE, [bits[:6]])
    assert not os.listdir(tmp_path)


def test_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(packed.shutil, "disk_usage", lambda _: usage(1000, 1000, 7))

    def blocks():
        pytest.fail("drawn in vain")
        yield

    with pytest.raises(OSError, match=r"Expected 224 bytes free for packed\.npy.*cache=.*TFVAE_CACHE.*7 bytes") as info:
        write_packed(tmp_path / "packed.npy", SHAPE, blocks())
    assert info.value.errno == errno.ENOSPC
    assert info.value.filename == str(tmp_path)
    assert "\n" not in str(info.value)


def test_disk_that_fills_up_is_told(tmp_path, bits):
    def blocks():
        yield bits[:6]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="Expected 224 bytes free"):
        write_packed(tmp_path / "packed.npy", SHAPE, blocks())
    assert not os.listdir(tmp_path)


def test_two_writers_at_once(tmp_path, bits):
    path = tmp_path / "packed.npy"
    both_have_begun = threading.Barrier(2, timeout=30)
    digests = []

    def write():
        def blocks():
            yield bits[:6]
            both_have_begun.wait()
            yield bits[6:]

        digests.append(write_packed(path, SHAPE, blocks()))

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [packed_digest(path, SHAPE)] * 2
    assert os.listdir(tmp_path) == ["packed.npy"]


def test_file_that_another_process_has_mapped_on_windows_is_kept(tmp_path, bits, monkeypatch):
    path = tmp_path / "packed.npy"
    digest = write_packed(path, SHAPE, [bits])

    def replace(*_):
        raise PermissionError(errno.EACCES, "Access is denied")

    monkeypatch.setattr(packed.Path, "replace", replace)
    assert write_packed(path, SHAPE, [bits]) == digest == packed_digest(path, SHAPE)
    with pytest.raises(PermissionError):
        write_packed(tmp_path / "other.npy", SHAPE, [bits])
    assert os.listdir(tmp_path) == ["packed.npy"]


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setattr(packed.platformdirs, "user_cache_dir", lambda name: f"/users/{name}")
    monkeypatch.delenv("TFVAE_CACHE", raising=False)
    assert cache_folder() == packed.Path("/users/tfvae")
    monkeypatch.setenv("TFVAE_CACHE", str(tmp_path / "environment"))
    assert cache_folder() == tmp_path / "environment"
    assert cache_folder(tmp_path / "argument") == tmp_path / "argument"
