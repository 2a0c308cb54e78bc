"""Requests to stop that a training hears at a place where it can."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(SystemExit):
    """A process that was asked to end by SIGTERM has saved what it must, and ends.

    Left alone, it ends the process with 143, which is 128 + SIGTERM: what shells, Slurm and Kubernetes report of a
    process that the signal ended. It is not 0, with which a scheduler takes an unfinished job for done.
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
        # Not print: the signal may have come in the middle of another one.
        again = " Ctrl-C again stops at once." if number == signal.SIGINT else ""
        os.write(2, f"\n{self.received.name}: saving a checkpoint and stopping.{again}\n".encode())


@contextmanager
def requests_noted() -> Iterator[Requests]:
    """Notes SIGTERM and a first Ctrl-C while the block runs, instead of ending the process.

    In the main thread alone, as Python has it; and not a signal that the process was started to ignore.
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
