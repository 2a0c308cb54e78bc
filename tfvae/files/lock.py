"""A folder that only one process at a time writes to."""

import contextlib
import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = ".lock"
_LOG = logging.getLogger(__name__)
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(folder: str | os.PathLike, patience: float = 0.0) -> Iterator[None]:
    """Keeps other processes out of a folder while the block runs.

    The lock is the kernel's (flock on a file `.lock`), so it ends with its process, however that ends. On NFS it also
    works between machines, unless the file system is mounted with `nolock` or `local_lock`. When a whole machine stops,
    the server may need more than a minute to notice.

    Args:
        folder: it is made if it does not exist.
        patience: float, seconds to wait for another process that holds the lock.

    Raises:
        BlockingIOError: when another process still holds it.
    """
    path = Path(folder) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _acquired(path, time.monotonic() + patience)
    try:
        yield
    finally:
        # Before the lock is released: a process that waits for this file sees that it is gone, and makes a new one.
        path.unlink(missing_ok=True)
        os.close(file)


def _acquired(path: Path, until: float) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(file, 200).decode(errors="replace") or "another process"
            os.close(file)
            if time.monotonic() < until:
                time.sleep(0.5)
                continue
            raise BlockingIOError(
                f"{path.parent} is in use by {owner}. Wait until it ends, stop it, or choose another folder"
            ) from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                os.close(file)
                raise
            _LOG.warning("%s cannot be locked (%s): make sure that only one process uses it", path.parent, error)
        if _is_at(path, file):
            with contextlib.suppress(OSError):  # the lock holds without the name of its owner, as on a full disk
                os.ftruncate(file, 0)
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
            return file
        os.close(file)  # the owner had just removed it


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
