"""Requests to stop, which a training handles when it can."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(SystemExit):
    """A process that SIGTERM asked to end has saved its work, and ends.

    If nothing catches it, the exit code is 143, which is 128 + SIGTERM: what shells, Slurm and Kubernetes report when
    the signal ended a process. With 0, a scheduler would take an unfinished job as done.
    """

    def __init__(self, message: str) -> None:
        super().__init__(128 + signal.SIGTERM)
        self.message = message

    def __str__(self) -> str:
        return self.message


class Requests:
    """Whether the process was asked to stop: by SIGTERM, as schedulers do, or by Ctrl-C."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def note(self, number: int, frame: FrameType | None) -> None:
        if self.received == number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        # Not print: the signal may have interrupted another one.
        again = " Ctrl-C again stops at once." if number == signal.SIGINT else ""
        os.write(2, f"\n{self.received.name}: saving a checkpoint and stopping.{again}\n".encode())


@contextmanager
def requests_noted() -> Iterator[Requests]:
    """Notes SIGTERM and the first Ctrl-C while the block runs, instead of ending the process.

    Only in the main thread, the only one in which Python handles signals, and not for a signal that the process was
    started to ignore.
    """
    requests, before = Requests(), {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, requests.note)
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
