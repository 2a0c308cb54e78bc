"""A training in a process of its own, watched from outside."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PATIENCE = 1_800.0  # seconds: far more than a busy machine needs
_PROGRESS = r"^step ([\d,]+) of [\d,]+  "  # what `tfvae.training.progress` prints at each log entry
# Becomes the command, once Ctrl-C is heard and the size of files is limited. A `preexec_fn` would fork this process,
# and the child of one with threads of gRPC was seen to fail.
_PREPARE = """
import os, resource, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
if sys.argv[1]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Process:
    """A command that trains in a folder and prints its progress, as `tfvae train` does.

    It reacts to Ctrl-C even if this process was started to ignore it.

    Args:
        command: without the folder.
        workdir: given to it as --workdir.
        output: the file that its output goes to.
        file_size: the limit on the size of its files, in bytes.
        environment: additional variables.
    """

    def __init__(
        self,
        command: Sequence[str],
        workdir: Path,
        output: Path,
        *,
        file_size: int | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.workdir = workdir
        self.output = output

        limit = "" if file_size is None else str(file_size)
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PREPARE, limit, *command, f"--workdir={workdir}"],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | (environment or {}),
            )

    @property
    def code(self) -> int | None:
        """The exit code; minus the number of the signal that ended it; None while it runs."""
        return self._process.poll()

    def shown(self) -> str:
        return self.output.read_bytes().decode(errors="replace")

    def message(self) -> str:
        """What it prints, without its progress."""
        lines = self.shown().splitlines()
        return "\n".join(line for line in lines if line.strip() and not re.match(_PROGRESS, line))

    def step(self) -> int | None:
        """The step of the last log entry that it has printed."""
        steps = re.findall(_PROGRESS, self.shown(), re.MULTILINE)
        return int(steps[-1].replace(",", "")) if steps else None

    def until(self, happened: Callable[[], bool], pause: float = 0.02, patience: float = PATIENCE) -> bool:
        """Waits for something to happen, or for the end of the process; at most `patience` seconds.

        Returns:
            Whether it happened before the end.

        Raises:
            TimeoutError: when neither happens. The process is killed.
        """
        late = time.monotonic() + patience
        while not happened():
            if self.code is not None:
                return False
            if time.monotonic() > late:
                self.end(signal.SIGKILL)
                raise TimeoutError(
                    f"Nothing happened for {patience:.0f} seconds in {self.workdir}: {self.message()[-2000:]}"
                )
            time.sleep(pause)
        return True

    def end(self, number: signal.Signals | None = None, patience: float = PATIENCE) -> int:
        """Sends a signal, if one is named, waits for the end, and returns the exit code."""
        if number is not None and self.code is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            message = f"Waited {patience:.0f} seconds for the end of {self.workdir}: {self.message()[-2000:]}"
            raise TimeoutError(message) from None
