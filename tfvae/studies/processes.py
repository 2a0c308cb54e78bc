"""Python programs side by side on this machine, each on cores of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LINES = 8
GRACE = 30.0  # seconds from SIGTERM to SIGKILL, after a time limit


@dataclass(frozen=True)
class Task:
    """A Python program.

    Args:
        name: of the task.
        arguments: of Python, such as ("-c", "print(1)").
        output: the file for everything that it prints.
    """

    name: str
    arguments: tuple[str, ...]
    output: Path


def in_processes(
    tasks: Sequence[Task], *, processes: int | None = None, threads: int = 1, time_limit: float | None = None
) -> Generator[tuple[Task, str], None, None]:
    """Runs tasks, and yields each when it ends, with its problem or "".

    Where processes take all cores, each has `threads` of its own, as long as there are enough. Fewer run wherever the
    system places them, so that two calls at once do not crowd the same cores. Closing the iterator ends all processes.
    So does the end of this process, by any signal, for those that call `end_with_input`.

    Args:
        tasks: in the order in which they begin.
        processes: int >= 1, how many at a time; by default as many as have cores of their own.
        threads: int >= 1.
        time_limit: seconds > 0 after which a process is asked to end, by SIGTERM, and half a minute later is killed.

    Raises:
        ValueError: an argument is out of range.
    """
    slots = core_sets(processes, threads)
    environment = {**os.environ, **thread_settings(threads)}
    waiting, running = deque(tasks), dict[_Running, tuple[Task, set[int]]]()
    try:
        while waiting or running:
            while waiting and slots:
                task, cores = waiting.popleft(), slots.pop(0)
                running[_Running(_started(task, cores, environment), time_limit)] = task, cores
            ended = [each for each in running if each.has_ended()]
            for each in ended:
                task, cores = running.pop(each)
                _close(each.process)
                slots.append(cores)
                yield task, problem(each.process.returncode, task.output, each.late, each.memory_ran_out())
            if not ended:
                time.sleep(0.1)
    finally:
        for each in running:
            _kill(each.process)


def core_sets(processes: int | None, threads: int) -> list[set[int]]:
    """The cores that each process may use; empty for any of them.

    A process may use any where others leave cores free, and where the system cannot restrict it.

    Raises:
        ValueError: an argument is less than 1.
    """
    if threads < 1 or (processes is not None and processes < 1):
        raise ValueError(f"Expected numbers of at least 1. Received: processes={processes}, threads={threads}")
    pinned = hasattr(os, "sched_getaffinity")
    cores = sorted(os.sched_getaffinity(0)) if pinned else list(range(os.cpu_count() or 1))
    sets = [set(cores[first : first + threads]) for first in range(0, len(cores) - threads + 1, threads)]
    sets = sets or [set(cores)]
    number = len(sets) if processes is None else processes
    return [sets[place % len(sets)] if pinned and number >= len(sets) else set() for place in range(number)]


def end_with_input() -> None:
    """Ends this process, and those it started, when its standard input ends: with its parent, however that ends."""

    def wait() -> None:
        # Not through sys.stdin: Python takes its lock at exit, and aborts if a thread is still reading.
        while os.read(0, 1024):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def thread_settings(threads: int) -> dict[str, str]:
    """Environment variables that limit the threads of linear algebra, boosted trees and joblib."""
    return {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT")}


def problem(exit_code: int, output: Path, late: float | None = None, memory_ran_out: bool = False) -> str:
    """How a program failed, with its last lines; "" for the exit code 0.

    Args:
        exit_code: minus the number of a signal that ended it.
        output: what it printed.
        late: the time limit in seconds, if it was ended for that.
        memory_ran_out: whether the system ended a process for lack of memory while this one ran.
    """
    if exit_code == 0:
        return ""
    ended = f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
    if late is not None:
        ended = f"stopped after its time limit of {late:,.0f} s ({ended})"
    elif exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        ended += (
            ", while this machine ended a process for lack of memory, most likely this one: try fewer processes at a "
            "time, or a smaller batch"
            if memory_ran_out
            else " from outside, as by a person, a scheduler, or a limit on memory that this machine does not count"
        )
    text = output.read_text(errors="replace") if output.exists() else ""
    last = [line.rstrip() for line in text.splitlines() if line.strip()][-_LINES:]
    return "\n".join([f"{ended}; the end of {output}:", *last] if last else [f"{ended}, and it printed nothing"])


def ooms() -> int:
    """How many processes this machine has ended for lack of memory, of a container or altogether; 0 if unknown."""
    try:
        text = Path("/proc/vmstat").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)


class _Running:
    """A process, which is asked to end after its time limit, and killed if it does not."""

    def __init__(self, process: subprocess.Popen, time_limit: float | None) -> None:
        self.process = process
        self.late: float | None = None
        self._limit = time_limit
        self._start = time.monotonic()
        self._ooms = ooms()

    def has_ended(self) -> bool:
        if self.process.poll() is not None:
            return True
        elapsed = time.monotonic() - self._start
        if self._limit is not None and elapsed > self._limit:
            if self.late is None:
                _signal(self.process, signal.SIGTERM)  # a training saves a checkpoint
                self.late = self._limit
            elif elapsed > self._limit + GRACE:
                _signal(self.process, signal.SIGKILL)
        return False

    def memory_ran_out(self) -> bool:
        return ooms() > self._ooms


def _started(task: Task, cores: set[int], environment: Mapping[str, str]) -> subprocess.Popen:
    own = os.sched_getaffinity(0) if cores else set()
    if cores:
        # A child inherits its parent's cores. If they were set afterwards, its first threads might run elsewhere.
        os.sched_setaffinity(0, cores)
    try:
        with task.output.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-u", *task.arguments],  # so that what it printed comes before the error that ends it
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches this process alone, which then ends its children
            )
    finally:
        if own:
            os.sched_setaffinity(0, own)


def _kill(process: subprocess.Popen) -> None:
    _signal(process, signal.SIGKILL)
    _close(process)


def _signal(process: subprocess.Popen, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _close(process: subprocess.Popen) -> None:
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
