"""Which file a disk did not take, and why: libraries report it in many ways, most of them without the file's name."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AGAIN = "What was there is unchanged; when that is fixed, run the same command again"
_REASONS = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the quota of this user on the disk is used up",
    errno.EFBIG: "it would be larger than the limit on the size of a file (ulimit -f)",
    errno.EROFS: "the disk is read-only",
}


class NotWrittenError(OSError):
    """A file, or folder, could not be written; the message names it, with the reason and what to do.

    Args:
        path: of the file or folder.
        reason: a sentence without its end.
        then: what to do.
    """

    def __init__(self, path: str | os.PathLike, reason: str, then: str = AGAIN) -> None:
        super().__init__(f"{path} could not be written: {reason}. {then}")
        self.reason = reason


@contextmanager
def disk_errors_named(path: str | os.PathLike, then: str = AGAIN, temporary: Path | None = None) -> Iterator[None]:
    """Names `path` when the block fails because of the disk; other errors pass unchanged.

    Args:
        path: what the block writes.
        then: what to do.
        temporary: where the block writes it; an error of the system that has this name, or one below it, is named too.

    Raises:
        NotWrittenError: as described.
    """
    try:
        yield
    except Exception as error:  # TensorFlow, HDF5, NumPy and Arrow have classes of their own
        reason = reason_of(error)
        if reason is None and temporary is not None and _is_about(error, temporary):
            reason = os.strerror(error.errno)  # type: ignore[attr-defined]
        if reason is None:
            raise
        raise NotWrittenError(path, reason, then) from error


def reason_of(error: Exception) -> str | None:
    """Why a disk did not take a file, if that is what an error is about: it is full, read-only, or has a limit."""
    if isinstance(error, NotWrittenError):
        return error.reason
    if isinstance(error, OSError) and error.errno in _REASONS:
        # Ours says how much room is needed.
        return error.strerror if (error.strerror or "").startswith("Expected ") else _REASONS[error.errno]
    text = str(error)
    if isinstance(error, OSError) and " requested and " in text and text.endswith(" written"):  # NumPy
        return "the disk took only a part of it: it is full, or the file is larger than a limit (ulimit -f)"
    return next((reason for number, reason in _REASONS.items() if os.strerror(number) in text), None)


def _is_about(error: Exception, path: Path) -> bool:
    name = error.filename if isinstance(error, OSError) and error.errno else None
    return isinstance(name, str) and (Path(name) == path or path in Path(name).parents)
