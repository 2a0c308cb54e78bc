"""Entries of the cache while they are filled, and the removal of those whose process was killed."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfvae.files.atomic import written_whole
from tfvae.files.disk import reason_of

_HELD = ".filling"  # locked by the process that fills the folder
_NAME = re.compile(r"\..+\.\d{25,}\.tmp(\..+)?")  # of `written_whole`
_OLD = 24 * 3600.0  # seconds
_CHOOSE = "another folder by cache=... or the environment variable TFVAE_CACHE"


@contextmanager
def filled_whole(path: Path) -> Iterator[Path]:
    """Yields a new folder, which becomes the entry at `path` when the block succeeds.

    As long as this process lives, other processes leave the folder alone.

    Raises:
        OSError: naming the folder of the cache, if it cannot be used, or is full.
    """
    _check_folder(path.parent)
    with (
        contextlib.ExitStack() as stack,
        written_whole(path, then=f"Make room there, or choose {_CHOOSE}") as beside,
    ):
        held = _held(beside)
        stack.callback(os.close, held)  # after the entry has its name
        yield beside
    (path / _HELD).unlink(missing_ok=True)


def abandon(folder: Path) -> None:
    """Marks an entry that is about to be removed, so that `remove_abandoned` does it if this process is killed."""
    with contextlib.suppress(OSError):
        (folder / _HELD).touch()


def remove_abandoned(folder: Path) -> None:
    """Removes what killed processes left in a folder of the cache: unfinished entries that no process fills."""
    with contextlib.suppress(OSError):  # it is absent, or read-only
        for each in folder.iterdir():
            if _NAME.fullmatch(each.name) and not each.is_symlink() and each.is_dir():
                _remove_if_abandoned(each)


def _remove_if_abandoned(folder: Path) -> None:
    try:
        held = os.open(folder / _HELD, os.O_RDWR)
    except OSError:
        # Its process was killed between two calls of the system. Or it is not of the cache, and is left alone.
        if not any(folder.iterdir()) and time.time() - folder.stat().st_mtime > _OLD:
            folder.rmdir()
        return
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        pass  # it is being filled, or the file system has no locks
    finally:
        os.close(held)


def _held(folder: Path) -> int:
    """Makes a folder and holds it against `remove_abandoned`, which might come between the two."""
    while True:
        folder.mkdir(exist_ok=True)
        try:
            file = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            continue
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), (folder / _HELD).stat()):
                return file
        os.close(file)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        Path(tempfile.mkdtemp(dir=folder, prefix=".try.")).rmdir()
        return
    except OSError as error:
        if folder.exists() and not folder.is_dir():
            why = "it is a file"
        elif folder.is_symlink() and not folder.exists():
            why = "it is a link to nothing"
        else:
            why = reason_of(error) or f"nothing can be written there ({os.strerror(error.errno or 0)})"
    named = os.environ.get("TFVAE_CACHE")
    source = " (the environment variable TFVAE_CACHE)" if named and Path(named) == folder else ""
    raise OSError(f"Expected a folder for the cache. Received: {folder}{source}: {why}. Choose {_CHOOSE}")
