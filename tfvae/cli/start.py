"""How every tool starts: the environment that TensorFlow reads when it is imported, and one line for an error.

Imported first, before anything that imports TensorFlow.
"""

import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from logging import Formatter

if platform.machine() in ("x86_64", "AMD64"):
    # TensorFlow leaves oneDNN off on processors without AVX-512, where a training step gains a third by it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 2 still reports that there is no GPU as an error


@contextmanager
def _without_notices() -> Iterator[None]:
    """Holds back what TensorFlow's libraries print to file descriptor 2 as they load; shows it when loading fails."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            yield
        except BaseException:
            notices.seek(0)
            os.write(kept, notices.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _without_notices():
    import tensorflow as tf
    from absl import app, logging


def run(
    main: Callable[[Sequence[str]], None],
    *,
    interrupted: str = "Interrupted.",
    before_flags: str = "",
    names: bool = False,
) -> None:
    """Runs a tool: one clear line and exit code 1 for an error that the user can mend, and exit code 130 for Ctrl-C.

    Args:
        main: gets the arguments, the tool's path first.
        interrupted: what is said after Ctrl-C.
        before_flags: what the one argument is that stands before the flags, for a tool that takes one.
        names: whether any number of arguments may stand beside the flags; main checks them.
    """

    def guarded(argv: Sequence[str]) -> None:
        if before_flags and len(argv) != 2:
            raise app.UsageError(f"Expected {before_flags} and flags, as --name=value. Received: {argv[1:]}")
        if not before_flags and not names and len(argv) > 1:
            raise app.UsageError(f"Expected flags alone, as --name=value. Received: {argv[1:]}")
        logging.set_verbosity(logging.WARNING)
        logging.get_absl_handler().setFormatter(Formatter("%(levelname)s: %(message)s"))
        tf.get_logger().setLevel("WARNING")
        try:
            main(argv)
        except KeyboardInterrupt as error:
            print(f"\n{str(error) or interrupted}", file=sys.stderr)
            sys.exit(130)
        except (ValueError, IndexError, OSError, ArithmeticError, ImportError, tf.errors.OpError) as error:
            sys.exit(f"Error: {_one_line(error)}")

    app.run(guarded)


def _one_line(error: Exception) -> str:
    message = str(error)
    if isinstance(error, tf.errors.OpError):
        # Of a failed assertion, what it says; around it stands where in the graph it was made.
        failed = re.search(r"assertion failed: (.*)", error.message)
        message = failed[1] if failed else error.message
    return " ".join(re.sub(r"\{\{.*?\}\}", "", message).split())
