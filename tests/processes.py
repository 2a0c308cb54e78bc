"""Runs commands in processes that have TensorFlow already: a server imports it once, and forks one for each command."""

import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.preloaded"])


class Command:
    """A running `python -m MODULE ARGUMENTS`, or `python -c PROGRAM ARGUMENTS`, which prints to two files.

    Args:
        module: such as "tfvae.cli"; "-c" if the first argument is a program.
        arguments: converted to strings.
        folder: the current folder of the process; it is not on its path.
        environment: variables that it has besides those of this process.
    """

    def __init__(self, module, *arguments, folder=ROOT, environment=None):
        self.args = [module, *map(str, arguments)]
        self._folder = tempfile.TemporaryDirectory()
        self._files = [Path(self._folder.name, name) for name in ("out", "err")]
        self._process = _SERVER.Process(target=_run, args=(self.args, self._files, folder, environment or {}))
        self._process.start()
        self.pid = self._process.pid

    def communicate(self, timeout=300):
        """What it printed to each of the two files, once it has ended.

        Raises:
            TimeoutError: if it has not ended, and is then killed.
        """
        self._process.join(timeout)
        if self.returncode is None:
            self.kill()
            raise TimeoutError(f"{self.args} did not end within {timeout} seconds")
        printed = [file.read_text() if file.exists() else "" for file in self._files]
        self._folder.cleanup()
        return printed

    def printed(self):
        """What it has printed so far."""
        return self._files[0].read_text() if self._files[0].exists() else ""

    @property
    def returncode(self):
        """Its exit code, minus the number of the signal that killed it, or None while it runs."""
        return self._process.exitcode

    def is_alive(self):
        return self._process.is_alive()

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self._process.kill()
        self._process.join()


def _run(arguments, files, folder, environment):
    os.environ.update(environment)
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), number)
    # Where the tests run in the background, processes would not hear Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    sys.argv = arguments
    if arguments[0] == "-c":
        exec(arguments.pop(1), {"__name__": "__main__"})
    else:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
