import errno
import json
import os
import signal
import threading

import numpy as np
import pytest

from tests.full_disk import files_of_at_most
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
    "content", ["[" * 100_000, "[]", "{}", '{"images.npy": null}', '{"../images.npy": {}}', "null", "7", '"text"']
)
def test_digests_of_another_form_are_damage(tmp_path, content):
    cached(tmp_path / "entry", fill)
    (tmp_path / "entry" / "digests.json").write_text(content)
    with pytest.warns(UserWarning, match="entry is damaged"):
        np.testing.assert_array_equal(every(cached(tmp_path / "entry", fill)), IMAGES)


def test_a_link_to_nothing_in_the_place_of_an_entry_is_replaced(tmp_path):
    (tmp_path / "entry").symlink_to("absent")
    with pytest.warns(UserWarning, match="entry is damaged"):
        np.testing.assert_array_equal(every(cached(tmp_path / "entry", fill)), IMAGES)
    assert os.listdir(tmp_path) == ["entry"]
    assert not (tmp_path / "entry").is_symlink()


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


def killed_while(folder, entry, step):
    """Kills a process while it fills an entry, at a step that is called in it."""
    child = os.fork()
    if not child:
        try:
            step(lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            cached(folder / entry, fill)
        finally:
            os._exit(1)  # an error must not reach pytest, which runs in this process too
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("name", ["entry", "entry.v2"])
@pytest.mark.parametrize("other", [False, True])
def test_what_a_killed_fill_left_is_removed_when_the_cache_is_used_next(tmp_path, name, other):
    def as_it_is_digested(die):
        cache._digest = die

    killed_while(tmp_path, name, as_it_is_digested)
    (left,) = tmp_path.iterdir()
    assert (left / "images.npy").exists()
    cached(tmp_path / ("another" if other else name), fill)
    assert os.listdir(tmp_path) == ["another" if other else name]
    assert ".filling" not in os.listdir(tmp_path / ("another" if other else name))


def test_what_a_killed_removal_left_is_removed(tmp_path):
    cached(tmp_path / "entry", fill)
    (tmp_path / "entry" / "digests.json").write_text("damaged")

    def as_it_is_removed(die):
        cache.shutil.rmtree = die
        cache.warnings.warn = lambda *_, **__: None

    killed_while(tmp_path, "entry", as_it_is_removed)
    assert len(os.listdir(tmp_path)) == 1
    cached(tmp_path / "entry", fill)
    assert os.listdir(tmp_path) == ["entry"]


def test_an_entry_that_another_process_fills_is_left_alone(tmp_path):
    def fill_while_another_reads(folder):
        fill(folder)
        cached(tmp_path / "another", fill)

    np.testing.assert_array_equal(every(cached(tmp_path / "entry", fill_while_another_reads)), IMAGES)
    assert sorted(os.listdir(tmp_path)) == ["another", "entry"]


def test_folders_of_others_are_left_alone(tmp_path):
    names = [f".1.{5:030}.tmp", ".mine", f"1.{5:030}.tmp", f".x.{5:030}.tmp.txt"]
    for name in names[:3]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / names[3]).write_text("a file")
    cached(tmp_path / "entry", fill)
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "entry"])


def place(tmp_path, kind):
    path = tmp_path / "cache"
    if kind == "a file":
        path.write_text("")
    elif kind == "a link to nothing":
        path.symlink_to(tmp_path / "absent")
    elif kind == "below a file":
        (tmp_path / "file").write_text("")
        return tmp_path / "file" / "cache"
    else:
        return cache.Path("/proc")
    return path


@pytest.mark.parametrize("kind", ["a file", "a link to nothing", "below a file", "/proc"])
def test_a_cache_that_cannot_be_used_is_named_with_its_variable(tmp_path, monkeypatch, kind):
    path = place(tmp_path, kind)
    reason = {"below a file": "Not a directory", "/proc": "No such file"}.get(kind, f"it is {kind}")
    monkeypatch.setenv("TFVAE_CACHE", f"{path}/" if kind == "/proc" else str(path))
    with pytest.raises(OSError, match=rf"Received: {path} \(the environment variable TFVAE_CACHE\): .*{reason}"):
        cached(cache_folder() / "entry", never)
    monkeypatch.delenv("TFVAE_CACHE")
    with pytest.raises(OSError, match=rf"Received: {path}: .*cache=.*TFVAE_CACHE"):
        cached(cache_folder(path) / "entry", never)


def test_a_full_disk_names_the_entry_and_the_way_out(tmp_path):
    with (
        files_of_at_most(150),
        pytest.raises(OSError, match=rf"{tmp_path}/entry could not be written: .*Make room.*cache=.*TFVAE_CACHE"),
    ):
        cached(tmp_path / "entry", fill)
    assert os.listdir(tmp_path) == []


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
