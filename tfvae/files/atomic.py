"""Files and folders that appear whole or not at all."""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a path beside `path` to write a file or folder to; it takes the name `path` when the block succeeds.

    A file that has that name is replaced; a folder that has it is not. When the block fails, nothing is left.

    Args:
        path: where the file or folder is to be. Its parent is made.

    Raises:
        FileExistsError: when a folder was written and `path` exists.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays: Keras and matplotlib choose a format by it. A number of its own for each writer, as processes of
    # two containers may share an identifier. `leftovers` finds such names.
    beside = path.with_name(f".{path.stem}.{uuid.uuid4().int}.tmp{path.suffix}")
    try:
        yield beside
        if beside.is_dir():
            if path.exists():
                raise FileExistsError(f"{path} exists and is not overwritten")
            os.rename(beside, path)
        else:
            os.replace(beside, path)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink(missing_ok=True)


def leftovers(path: str | os.PathLike) -> list[Path]:
    """What processes that were killed in `written_whole(path)` left beside it, when none writes to it now."""
    path = Path(path)
    pattern = rf"\.{re.escape(path.stem)}\.\d+\.tmp{re.escape(path.suffix)}"
    return [file for file in path.parent.glob(".*") if re.fullmatch(pattern, file.name)]
