"""How a command starts: its flags, the environment that TensorFlow reads on import, and one line for an error.

Import this before anything that imports TensorFlow.
"""

import os
import platform
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging import Formatter
from types import ModuleType

from absl import app, flags, logging

from tfvae.files.modules import import_modules

if platform.machine() in ("x86_64", "AMD64"):
    # TensorFlow leaves oneDNN off on CPUs without AVX-512, where it makes a training step a third faster.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 2 still reports that there is no GPU as an error

INTERRUPTED = "Interrupted. No output was written; the same command starts over."
IMPORT = flags.DEFINE_multi_string(
    "import", [], "A Python module that registers models, metrics or data of your own; may be repeated."
)


def run(command: ModuleType, argv: Sequence[str] | None = None) -> None:
    """Runs a command: one clear line and exit code 1 for an error that the user can fix, and exit code 130 for Ctrl-C.

    Every command has the flag --import; its modules are imported before `main` runs.

    Args:
        command: a module with flags and a function `main`, which gets the arguments, the program's name first. It may
            also have `ARGUMENTS`, its positional arguments ("a study.json", or "names ..." for any number),
            `INTERRUPTED`, the message after Ctrl-C, if it leaves output that is not whole, and `NEEDS_TENSORFLOW`,
            False if it does not.
        argv: the program's name, arguments and flags; by default those of the process.
    """
    argv = list(sys.argv if argv is None else argv)
    expected: str = vars(command).get("ARGUMENTS", "")
    flags.FLAGS.set_gnu_getopt()
    if any(argument in ("-h", "--help") for argument in argv[1:]):
        print(_help(command, argv[0], expected))
        return

    def guarded(arguments: Sequence[str]) -> None:
        some = expected.endswith("...")
        if not some and len(arguments) != (2 if expected else 1):
            sys.exit(
                f"Error: Expected {f'{expected} and flags' if expected else 'flags alone'}, as --name=value. "
                f"Received: {list(arguments[1:])}. See {argv[0]} --help"
            )
        try:
            warnings.formatwarning = lambda message, *rest, **options: f"Warning: {message}\n"
            logging.set_verbosity(logging.WARNING)
            logging.get_absl_handler().setFormatter(Formatter("%(levelname)s: %(message)s"))
            if vars(command).get("NEEDS_TENSORFLOW", True):
                _load_tensorflow()
            import_modules(IMPORT.value, [os.getcwd()])
            command.main(arguments)
        except KeyboardInterrupt as error:
            print(f"\n{str(error) or vars(command).get('INTERRUPTED', INTERRUPTED)}", file=sys.stderr)
            sys.exit(130)
        except Exception as error:
            if not _is_users(error):
                raise
            sys.exit(f"Error: {_one_line(error)}")

    app.run(guarded, argv, flags_parser=_parsed)


def _parsed(argv: Sequence[str]) -> list[str]:
    """Parses the flags; a wrong one is an error of one line, like any other."""
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        missing = re.match(r"flag --(\w+)=None: Flag --\1 must have a value other than None", str(error))
        message = f"Expected --{missing[1]}=... Received: no --{missing[1]}" if missing else str(error)
        sys.exit(f"Error: {message}. See {argv[0]} --help")


def _help(command: ModuleType, program: str, expected: str) -> str:
    usage = " ".join([program, *([expected] if expected else []), "[--flag=value ...]"])
    # absl knows the flags of a script by the script's path.
    name = sys.argv[0] if command.__name__ == "__main__" else command.__name__
    flags.FLAGS.register_key_flag_for_module(name, flags.FLAGS["import"])
    own = flags.FLAGS.module_help(command)
    return f"{(command.__doc__ or '').strip()}\n\nUsage: {usage}\n{own}"


def _is_users(error: Exception) -> bool:
    kinds = ValueError | IndexError | OSError | ArithmeticError | ImportError
    return isinstance(error, kinds) or _message_of_tensorflow(error) is not None


def _message_of_tensorflow(error: Exception) -> str | None:
    # A command that does not load it has no such error, and loading it here would print notices beside the error.
    tf = sys.modules.get("tensorflow")
    return error.message if tf is not None and isinstance(error, tf.errors.OpError) else None


def _load_tensorflow() -> None:
    with _without_notices():
        import tensorflow as tf
    tf.get_logger().setLevel("WARNING")


@contextmanager
def _without_notices() -> Iterator[None]:
    """Hides what TensorFlow's libraries print to file descriptor 2 as they load; shows it when loading fails."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            yield
        except Exception:  # not Ctrl-C
            notices.seek(0)
            os.write(kept, notices.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _one_line(error: Exception) -> str:
    message, of_tensorflow = str(error), _message_of_tensorflow(error)
    if of_tensorflow is not None:
        # A failed assertion comes with the place in the graph where it was made: keep its own words alone.
        failed = re.search(r"assertion failed: (.*)", of_tensorflow)
        message = failed[1] if failed else of_tensorflow
    return " ".join(re.sub(r"\{\{.*?\}\}", "", message).split())
