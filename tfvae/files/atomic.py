"""Files and folders that appear completely or not at all, also when the machine stops or the disk is full."""

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfvae.files.disk import AGAIN, disk_errors_named


@contextmanager
def written_whole(path: str | os.PathLike, then: str = AGAIN) -> Iterator[Path]:
    """Yields a temporary path in the same folder to write to; when the block succeeds, it is renamed to `path`.

    It is flushed to the disk first, so that a crash of the machine leaves either the old content or the new. A file at
    `path` is replaced; a folder is not. When the block fails, nothing is left.

    Args:
        path: of the new file or folder. Its parent is made.
        then: ends the message of `NotWrittenError`: what to do.

    Raises:
        FileExistsError: when a folder was written and `path` exists.
        NotWrittenError: when the disk is full, or refuses the file for another reason.
    """
    path = Path(path)
    # The suffix stays, because Keras and matplotlib choose a format by it. Each writer has a number of its own, as
    # processes of two containers may share an identifier. `leftovers` finds such names.
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().int}.tmp{path.suffix}")
    with disk_errors_named(path, then, temporary):
        make_folder(path.parent)
        try:
            yield temporary
            move(temporary, path)
        finally:
            if temporary.is_dir():
                shutil.rmtree(temporary)
            else:
                temporary.unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Renames a file or folder; the disk has its content before it gets its new name, and the name before this returns.

    A file at `target` is replaced; a folder replaces nothing.

    Raises:
        FileExistsError: when a folder is moved and `target` exists, even as a broken link.
    """
    flush(source)
    if source.is_dir():
        if os.path.lexists(target):
            raise FileExistsError(f"{target} exists and is not overwritten")
        os.rename(source, target)
    else:
        os.replace(source, target)
    _flush_entry(target.parent)


def flush(path: Path) -> None:
    """Writes a file, or a folder with all that is in it, to the disk: else a crash could leave an empty file."""
    for inner in (path, *path.rglob("*")) if path.is_dir() else (path,):
        _flush_entry(inner)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, if they do not exist, and flushes their names to the disk."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        _flush_entry(path.parent)


def leftovers(path: str | os.PathLike) -> list[Path]:
    """The temporary files that killed processes left in `written_whole(path)`, if none is writing to it now."""
    path = Path(path)
    pattern = rf"\.{re.escape(path.stem)}\.\d+\.tmp{re.escape(path.suffix)}"
    return [file for file in path.parent.glob(".*") if re.fullmatch(pattern, file.name)]


def _flush_entry(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        # Some network file systems cannot flush a folder.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(file)
