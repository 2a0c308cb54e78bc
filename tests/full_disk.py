"""A disk that takes no more."""

import resource
from contextlib import contextmanager


@contextmanager
def files_of_at_most(size):
    """While the block runs, no file of this process can grow beyond `size` bytes."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
