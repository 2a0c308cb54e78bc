import errno
import json
import os
import threading

import numpy as np
import pytest

from tfvae.data import cache
from tfvae.data.cache import cache_folder, cached
from tfvae.data.packed import PackedImages, pack
from tfvae.data.rows import RowWriter

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


def test_an_entry_is_filled_once_and_read_as_a_memory_map(tmp_path):
    first = cached(tmp_path / "entry", fill)
    again = cached(tmp_path / "entry", never)
    np.testing.assert_array_equal(every(again), IMAGES)
    np.testing.assert_array_equal(again.table[:, 0], np.arange(6))
    assert isinstance(again.images.base, np.memmap)
    assert os.listdir(tmp_path) == ["entry"]
    assert first.digest == again.digest


def test_digests_are_those_of_the_values_and_of_the_file(tmp_path):
    entry = cached(tmp_path / "entry", fill)
    content = (tmp_path / "entry" / "images.npy").read_bytes()
    assert entry.digest == cache.hashlib.sha256(IMAGES.tobytes()).hexdigest()
    assert entry.file_digest() == cache.hashlib.sha256(content).hexdigest()


def test_bits_are_read_as_packed_images(tmp_path):
    bits = RNG.integers(0, 2, (5, 4, 6, 1), np.uint8)

    def fill_bits(folder):
        np.save(folder / "images.npy", pack(bits))
        np.save(folder / "image_shape.npy", np.array([4, 6, 1]))

    for fill_or_not in (fill_bits, never):
        images = cached(tmp_path / "entry", fill_or_not).images
        assert isinstance(images, PackedImages)
        np.testing.assert_array_equal(images[np.arange(5)], 255 * bits)


@pytest.mark.parametrize("name", ["images.npy", "table.npy", "digests.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "lengthen", "header", "empty", "remove"])
def test_damage_is_reported_and_repaired(tmp_path, name, damage):
    digest = cached(tmp_path / "entry", fill).digest
    path = tmp_path / "entry" / name
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[-9] ^= 4
        whole = path.read_bytes()
        damaged = {"flip": content, "truncate": whole[:-5], "lengthen": whole + b"0", "header": whole[1:], "empty": b""}
        path.write_bytes(damaged[damage])
    with pytest.warns(UserWarning, match="entry is damaged and is made again"):
        again = cached(tmp_path / "entry", fill)
    assert again.digest == digest
    np.testing.assert_array_equal(every(again), IMAGES)
    assert os.listdir(tmp_path) == ["entry"]
    cached(tmp_path / "entry", never)


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"images.npy": null}', '{"../images.npy": {}}', "null", "7", '"text"']
)
def test_digests_of_another_form_are_damage(tmp_path, content):
    cached(tmp_path / "entry", fill)
    (tmp_path / "entry" / "digests.json").write_text(content)
    with pytest.warns(UserWarning, match="entry is damaged"):
        np.testing.assert_array_equal(every(cached(tmp_path / "entry", fill)), IMAGES)


def test_a_file_in_the_place_of_an_entry_is_replaced(tmp_path):
    np.save(tmp_path / "entry.npy", IMAGES)
    with pytest.warns(UserWarning, match=r"entry\.npy is damaged"):
        np.testing.assert_array_equal(every(cached(tmp_path / "entry.npy", fill)), IMAGES)
    assert os.listdir(tmp_path) == ["entry.npy"]


def test_an_entry_with_another_digest_than_the_known_one_is_not_used(tmp_path):
    def fill_black(folder):
        np.save(folder / "images.npy", np.zeros((6, 4, 4, 3), np.uint8))

    digest = cached(tmp_path / "other", fill).digest
    cached(tmp_path / "entry", fill_black)
    with pytest.warns(UserWarning, match="entry is damaged"):
        np.testing.assert_array_equal(every(cached(tmp_path / "entry", fill, digest=digest)), IMAGES)
    cached(tmp_path / "entry", never, digest=digest)
    with pytest.raises(
        RuntimeError, match=rf"images of wrong to have the SHA-256 {digest}\. Received: [0-9a-f]{{64}}\."
    ):
        cached(tmp_path / "wrong", fill_black, digest=digest)
    assert sorted(os.listdir(tmp_path)) == ["entry", "other"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("bad"), OSError(errno.EIO, "bad")])
def test_nothing_is_left_of_a_failure(tmp_path, failure):
    def fail(folder):
        fill(folder)
        raise failure

    with pytest.raises(type(failure)):
        cached(tmp_path / "entry", fail)
    assert not os.listdir(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        cached(tmp_path / "file" / "entry", never)


def test_an_entry_of_another_process_is_used_if_it_is_filled_first(tmp_path):
    def fill_late(folder):
        cached(tmp_path / "entry", fill)
        np.save(folder / "images.npy", np.zeros((6, 4, 4, 3), np.uint8))

    np.testing.assert_array_equal(every(cached(tmp_path / "entry", fill_late)), IMAGES)
    assert os.listdir(tmp_path) == ["entry"]


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


def test_recorded_digests_can_be_read_by_people(tmp_path):
    digest = cached(tmp_path / "entry", fill).digest
    recorded = json.loads((tmp_path / "entry" / "digests.json").read_text())
    assert recorded["images.npy"] == {"shape": [6, 4, 4, 3], "dtype": "|u1", "sha256": digest}


def test_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.platformdirs, "user_cache_dir", lambda name: f"/users/{name}")
    monkeypatch.delenv("TFVAE_CACHE", raising=False)
    assert cache_folder() == cache.Path("/users/tfvae")
    monkeypatch.setenv("TFVAE_CACHE", str(tmp_path / "environment"))
    assert cache_folder() == tmp_path / "environment"
    assert cache_folder(tmp_path / "argument") == tmp_path / "argument"
