import errno
import fcntl
import logging
import os
import signal
import subprocess
import sys

import pytest

from tests.full_disk import files_of_at_most
from tfvae.files.lock import locked

OWNER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("lock", sys.argv[1])
lock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lock)
with lock.locked(sys.argv[2]):
    print("locked", flush=True)
    time.sleep(100_000)
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that holds tmp_path."""
    command = [sys.executable, "-c", OWNER, sys.modules["tfvae.files.lock"].__file__, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_second_process_learns_who_holds_the_folder_and_changes_nothing(owner, tmp_path):
    content = (tmp_path / ".lock").read_text()
    with pytest.raises(BlockingIOError, match=rf"{tmp_path} is in use by process {owner.pid} on "), locked(tmp_path):
        pass
    assert (tmp_path / ".lock").read_text() == content


def test_a_killed_process_leaves_no_lock(owner, tmp_path):
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        assert f"process {os.getpid()} on " in (tmp_path / ".lock").read_text()
    assert os.listdir(tmp_path) == []


def test_a_full_disk_locks_without_the_name_of_the_owner(tmp_path):
    with files_of_at_most(0), locked(tmp_path):
        with pytest.raises(BlockingIOError, match=f"{tmp_path} is in use by another process"), locked(tmp_path):
            pass
        assert (tmp_path / ".lock").read_text() == ""
    assert os.listdir(tmp_path) == []


def test_a_lock_ends_with_its_block(tmp_path):
    folder = tmp_path / "made" / "by it"
    for _ in range(2):
        with locked(folder), pytest.raises(BlockingIOError), locked(folder):
            pass
        assert os.listdir(folder) == []


def test_a_lock_that_is_released_while_another_process_takes_it_is_taken_again(tmp_path, monkeypatch):
    flock, path = fcntl.flock, tmp_path / ".lock"

    def owner_leaves(file, operation):
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", owner_leaves)
    with locked(tmp_path):
        assert path.exists()
        with pytest.raises(BlockingIOError), locked(tmp_path):
            pass


def test_a_file_system_without_locks_gives_a_warning(tmp_path, monkeypatch, caplog):
    def unsupported(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with caplog.at_level(logging.WARNING), locked(tmp_path):
        assert "cannot be locked" in caplog.text
