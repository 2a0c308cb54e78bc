"""Files and folders that appear completely or not at all."""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path in the same folder to write to; when the block succeeds, it is renamed to `path`.

    It is flushed to the disk first, so that a crash of the machine leaves either the old content or the new. A file at
    `path` is replaced; a folder is not. When the block fails, nothing is left.

    Args:
        path: of the new file or folder. Its parent is made.

    Raises:
        FileExistsError: when a folder was written and `path` exists.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays, because Keras and matplotlib choose a format by it. Each writer has a number of its own, as
    # processes of two containers may share an identifier. `leftovers` finds such names.
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().int}.tmp{path.suffix}")
    try:
        yield temporary
        _flush(temporary)
        if temporary.is_dir():
            if path.exists():
                raise FileExistsError(f"{path} exists and is not overwritten")
            os.rename(temporary, path)
        else:
            os.replace(temporary, path)
        _flush_entry(path.parent)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def leftovers(path: str | os.PathLike) -> list[Path]:
    """The temporary files that killed processes left in `written_whole(path)`, if none is writing to it now."""
    path = Path(path)
    pattern = rf"\.{re.escape(path.stem)}\.\d+\.tmp{re.escape(path.suffix)}"
    return [file for file in path.parent.glob(".*") if re.fullmatch(pattern, file.name)]


def _flush(path: Path) -> None:
    """Writes a file, or a folder with all that is in it, to the disk: else a crash could leave an empty file."""
    for inner in (path, *path.rglob("*")) if path.is_dir() else (path,):
        _flush_entry(inner)


def _flush_entry(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
