import errno
import os
import signal
from contextlib import nullcontext

import pytest

from tfvae.files.atomic import leftovers, written_whole


def fill(path, kind, text="new"):
    if kind == "folder":
        path.mkdir()
        path = path / "file"
    path.write_text(text)


def written(path, text):
    with written_whole(path) as beside:
        beside.write_text(text)


def content(path):
    return (path / "file" if path.is_dir() else path).read_text()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_file_or_folder_appears_when_the_block_ends(kind, tmp_path):
    path = tmp_path / "made" / "by it" / "result.txt"
    with written_whole(path) as beside:
        fill(beside, kind)
        assert beside.suffix == ".txt"
        assert not path.exists()
    assert content(path) == "new"
    assert os.listdir(path.parent) == ["result.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_content_is_on_the_disk_before_it_gets_its_name(kind, tmp_path, monkeypatch):
    path, flushed, fsync = tmp_path / "result.txt", [], os.fsync

    def record(file):
        flushed.append((os.readlink(f"/proc/self/fd/{file}"), path.exists()))
        fsync(file)

    monkeypatch.setattr(os, "fsync", record)
    with written_whole(path) as beside:
        fill(beside, kind)
    content_files = [beside] if kind == "file" else [beside, beside / "file"]
    assert flushed == [*((str(each), False) for each in content_files), (str(tmp_path), True)]


def test_the_names_of_new_folders_are_on_the_disk_too(tmp_path, monkeypatch):
    flushed, fsync = [], os.fsync

    def record(file):
        flushed.append(os.readlink(f"/proc/self/fd/{file}"))
        fsync(file)

    monkeypatch.setattr(os, "fsync", record)
    with written_whole(tmp_path / "a" / "b" / "result.txt") as beside:
        beside.write_text("new")
    assert flushed == [str(tmp_path), str(tmp_path / "a"), str(beside), str(tmp_path / "a" / "b")]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_file_system_that_cannot_flush_folders_is_used_but_not_one_that_fails(number, tmp_path, monkeypatch):
    fsync = os.fsync

    def fail(file):
        if os.path.isdir(f"/proc/self/fd/{file}"):
            raise OSError(number, "fsync")
        fsync(file)

    monkeypatch.setattr(os, "fsync", fail)
    with nullcontext() if number != errno.EIO else pytest.raises(OSError, match="fsync"):
        written(tmp_path / "result.txt", "new")


@pytest.mark.parametrize("kind", ["nothing", "file", "folder"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_nothing(kind, error, tmp_path):
    def write():
        with written_whole(tmp_path / "result") as beside:
            if kind != "nothing":
                fill(beside, kind)
            raise error

    with pytest.raises(error):
        write()
    assert os.listdir(tmp_path) == []


def test_a_file_is_replaced_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with written_whole(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["result.txt"]


def test_whoever_reads_the_old_file_keeps_it_and_the_new_one_is_the_file_that_was_flushed(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with path.open() as reader:
        with written_whole(path) as beside:
            beside.write_text("new")
            flushed = beside.stat().st_ino
        assert reader.read() == "old"
    assert path.stat().st_ino == flushed


def test_a_file_is_kept_when_its_replacement_fails(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def write():
        with written_whole(path) as beside:
            beside.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.txt"]


@pytest.mark.parametrize("there", ["file", "folder", "empty folder", "broken link"])
def test_a_folder_replaces_nothing(there, tmp_path):
    path = tmp_path / "result"
    if there == "empty folder":
        path.mkdir()
    elif there == "broken link":
        path.symlink_to("absent")
    else:
        fill(path, there, "old")

    def write():
        with written_whole(path) as beside:
            fill(beside, "folder")

    with pytest.raises(FileExistsError, match=str(path)):
        write()
    assert os.listdir(tmp_path) == ["result"]
    assert there in ("empty folder", "broken link") or content(path) == "old"


def test_a_file_does_not_replace_a_folder(tmp_path):
    path = tmp_path / "result"
    fill(path, "folder", "old")

    def write():
        with written_whole(path) as beside:
            beside.write_text("new")

    with pytest.raises(OSError, match="result"):
        write()
    assert content(path) == "old"
    assert os.listdir(tmp_path) == ["result"]


@pytest.mark.parametrize("name", ["result", "result.txt", "result.tar.gz"])
def test_only_the_file_of_a_killed_process_is_found(name, tmp_path):
    path = tmp_path / name
    for other in ("result.txt", ".result", f".other.{name}", f".1{name}.5.tmp", ".resultx.5.tmp.txt", "notes.tmp"):
        (tmp_path / other).write_text("mine")
    child = os.fork()
    if not child:
        try:
            with written_whole(path) as beside:
                beside.write_text("half")
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    (found,) = leftovers(path)
    assert found.read_text() == "half"
    found.unlink()
    assert leftovers(path) == []


def test_a_folder_that_does_not_exist_has_no_leftovers(tmp_path):
    assert leftovers(tmp_path / "absent" / "result.txt") == []
