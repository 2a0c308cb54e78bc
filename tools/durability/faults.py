"""The faults of a training. Each is a function that causes it for real, and returns the outcome."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfvae.files import markdown
from tfvae.training.checkpoints import Checkpoints
from tools.durability.ending import differing, last_step
from tools.durability.process import Process


@dataclass(frozen=True)
class Outcome:
    """A row of the report.

    Args:
        fault: its name.
        times: how often it was done.
        happened: what the user saw.
        lost: for each time, the number of steps that had to be done again.
        differing: what differs at the end from the undisturbed training; empty if all is well, None if nothing was
            compared.
    """

    fault: str
    times: int
    happened: str
    lost: Sequence[int]
    differing: Sequence[str] | None


@dataclass(frozen=True)
class Scene:
    """The trainings that faults happen to.

    Args:
        command: trains, given --workdir.
        folder: it has a folder for each fault.
        whole: the folder of the undisturbed training.
        steps: of the training.
        log_every: of the training.
        checkpoint_every: of the training.
        seed: of the random moments.
    """

    command: Sequence[str]
    folder: Path
    whole: Path
    steps: int
    log_every: int
    checkpoint_every: int
    seed: int

    def start(self, workdir: Path, file_size: int | None = None) -> Process:
        outputs = self.folder / "outputs"
        outputs.mkdir(parents=True, exist_ok=True)
        output = outputs / f"{workdir.name}-{len(os.listdir(outputs))}.txt"
        return Process(self.command, workdir, output, file_size=file_size)

    def finish(self, workdir: Path) -> list[str]:
        """Resumes a training to its end, and compares it with the undisturbed one."""
        process = self.start(workdir)
        if process.end() != 0:
            raise RuntimeError(f"The training in {workdir} cannot resume: {process.message()[-2000:]}")
        return differing(workdir, self.whole)

    def halfway(self) -> Path:
        """A training that was killed in its second half, between two checkpoints; the first call makes it."""
        workdir, every = self.folder / "halfway", self.checkpoint_every
        if not workdir.exists():
            process = self.start(workdir)
            process.until(
                lambda: (step := process.step() or 0) > self.steps // 2 and every / 4 <= step % every < every / 2
            )
            process.end(signal.SIGKILL)
        return workdir


def kills(scene: Scene, times: int) -> Outcome:
    """SIGKILL at random moments: a third of them as a process starts, a third as it trains, a third as it writes a
    checkpoint; and the last one as it writes model.keras."""
    rng, workdir = np.random.default_rng(scene.seed), scene.folder / "kills"
    checkpoints, lost, halves = workdir / "checkpoints", [], 0
    for kill in range(times):
        started = time.time()
        process = scene.start(workdir)
        if kill == times - 1:
            hit = _until_model(process)
            while not hit and process.code == 0:  # it was written too fast to be seen
                (workdir / "model.keras").unlink()
                process = scene.start(workdir)
                hit = _until_model(process)
        elif kill % 3 == 0:
            _until_new_checkpoints(process, checkpoints, int(rng.integers(1, 3)))
            hit = process.until(_after(float(rng.uniform(0, 0.02))), pause=0)
        else:
            step = last_step(workdir) + int(rng.integers(1, 2 * scene.checkpoint_every))
            hit = _until_step(process, step, seconds=float(rng.uniform(0, 10)) if kill % 3 == 2 else float("inf"))
        if not hit:
            raise RuntimeError(f"The training ended before kill {kill + 1} of {times}: {process.message()[-2000:]}")
        process.end(signal.SIGKILL)
        halves += bool(half_written(workdir, since=started))
        lost.append(max(0, (process.step() or 0) - last_step(workdir)))
    happened = f"{halves} left a checkpoint or model.keras half written; the same command resumed each time"
    return Outcome("SIGKILL", times, happened, lost, scene.finish(workdir))


def half_written(workdir: Path, since: float = 0.0) -> list[str]:
    """The names in a training's folder that show that it was killed while it wrote a checkpoint or model.keras.

    There are none if nothing was written after the time `since`: then such names are left from an earlier kill.
    """
    checkpoints = workdir / "checkpoints"
    files = (*workdir.glob(".model.*"), *checkpoints.rglob("*"))
    if max((path.stat().st_mtime for path in files), default=0.0) < since:
        return []
    names = [path.name for path in (*workdir.glob(".model.*.tmp.keras"), *checkpoints.glob("*_temp"))]
    names += [path.name for path in checkpoints.glob(".checkpoint.*.tmp")]
    steps = Checkpoints.steps_in(checkpoints) if checkpoints.exists() else []
    names += [f"step-{step}" for step in steps if not (checkpoints / f"step-{step}.index").exists()]
    listed = checkpoints / "checkpoint"
    newest = f"step-{last_step(workdir)}"
    # The list of checkpoints is written when a checkpoint is complete, and then the oldest is removed.
    if steps and (not listed.exists() or f'"{newest}"' not in listed.read_text() or len(steps) > 2):
        names.append(newest)
    return names


def signalled(scene: Scene, number: signal.Signals, code: int) -> Outcome:
    """SIGTERM or Ctrl-C at a random step."""
    rng, workdir = np.random.default_rng(scene.seed + number), scene.folder / number.name
    process = scene.start(workdir)
    _until_step(process, int(rng.integers(1, scene.steps - 2 * scene.checkpoint_every)))
    ended = process.end(number)
    _expect(process, ended == code, f"exit code {code}, not {ended}")
    saved = last_step(workdir)
    lost, found = max(0, (process.step() or 0) - saved), scene.finish(workdir)
    happened = f"exit {ended}: {_last(process)}"
    # An entry is the mean over the steps since the last one. A stop in between makes two of it, as `train` documents.
    if parted := saved % scene.log_every:
        entry = saved - parted + scene.log_every
        found = [name for name in found if not re.fullmatch(rf"log .* of step ({saved}|{entry})", name)]
        happened += f" (The log entry of step {entry} became two.)"
    return Outcome(number.name, 1, happened, [lost], found)


def _truncate(path: Path) -> None:
    os.truncate(path.with_name(f"{path.name}.data-00000-of-00001"), 1000)


def _flip(path: Path) -> None:
    data = path.with_name(f"{path.name}.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)


def _lose_index(path: Path) -> None:
    path.with_name(f"{path.name}.index").unlink()


DAMAGE: dict[str, Callable[[Path], None]] = {
    "newest checkpoint truncated": _truncate,
    "a bit of the newest checkpoint flipped": _flip,
    "index of the newest checkpoint lost": _lose_index,
}


def damaged(scene: Scene, name: str) -> Outcome:
    """Damage to the newest checkpoint, as in `DAMAGE`."""
    workdir = shutil.copytree(scene.halfway(), scene.folder / name.replace(" ", "_"))
    before, newest = Checkpoints.steps_in(workdir / "checkpoints")
    DAMAGE[name](workdir / "checkpoints" / f"step-{newest}")
    process = scene.start(workdir)
    ended = process.end()
    seen = re.search(r"Skipping a damaged checkpoint: .*", process.message())
    _expect(process, ended == 0 and seen is not None, "a warning and exit code 0")
    assert seen is not None
    return Outcome(name, 1, _short(seen[0], workdir), [newest - before], differing(workdir, scene.whole))


def disk_full(scene: Scene, what: str) -> Outcome:
    """No space for the next checkpoint, or for the next log entries (`what` is "checkpoints" or "logs")."""
    workdir = shutil.copytree(scene.halfway(), scene.folder / f"full_{what}")
    newest = last_step(workdir)
    (data,) = (workdir / "checkpoints").glob(f"step-{newest}.data*")
    room = data.stat().st_size // 2 if what == "checkpoints" else 2048
    with _little_room(workdir / what, room) as (limit, kind):
        process = scene.start(workdir, file_size=limit)
        ended = process.end()
        _expect(process, ended == 1, f"exit code 1, not {ended}")
        whole = last_step(workdir)
    lost = max(0, (process.step() or 0) - whole)
    message = _short(_last(process), workdir)
    return Outcome(f"disk full, {what} ({kind})", 1, f"exit 1: {message}", [lost], scene.finish(workdir))


def second_process(scene: Scene) -> Outcome:
    """A second process in the folder of one that trains."""
    workdir = scene.folder / "two"
    first = scene.start(workdir)
    _until_step(first, 1)
    second = scene.start(workdir)
    refused = second.end()
    _expect(second, refused == 1 and first.code is None, "a refusal while the first trains")
    ended = first.end()
    _expect(first, ended == 0, f"exit code 0, not {ended}")
    message = _short(_last(second), workdir)
    return Outcome("second process in the folder", 1, f"exit 1: {message}", [0], differing(workdir, scene.whole))


def all_faults(scene: Scene, kill_times: int) -> Iterator[Outcome]:
    if kill_times:
        yield kills(scene, kill_times)
    yield signalled(scene, signal.SIGTERM, 143)
    yield replace(signalled(scene, signal.SIGINT, 130), fault="Ctrl-C")
    for name in DAMAGE:
        yield damaged(scene, name)
    yield disk_full(scene, "checkpoints")
    yield disk_full(scene, "logs")
    yield second_process(scene)


def table(outcomes: Sequence[Outcome]) -> str:
    """The report, in Markdown."""
    columns = ["fault", "times", "what happened", "steps done again", "equal at the end"]
    lines = [markdown.head(columns, right=["times", "steps done again"])]
    for outcome in outcomes:
        lost = (
            f"{np.mean(outcome.lost):.1f} (at most {max(outcome.lost)})" if outcome.times > 1 else str(outcome.lost[0])
        )
        if outcome.differing is None:
            equal = "not compared"
        else:
            equal = (
                "bit for bit" if not outcome.differing else f"NO: {len(outcome.differing)}, as {outcome.differing[0]}"
            )
        lines.append(markdown.row([outcome.fault, outcome.times, outcome.happened, lost, equal]))
    return "\n".join(lines)


@contextmanager
def _little_room(folder: Path, room: int) -> Iterator[tuple[int | None, str]]:
    """Leaves `room` bytes in a folder: on a file system of its own where one can be mounted, else by a limit.

    Yields:
        The limit on file sizes for a process, or None; and the kind of limit.
    """
    beside = folder.with_name(f".{folder.name}.full")
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.iterdir())
    beside.mkdir()
    size = used + room + 4096
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", beside], capture_output=True).returncode:
        beside.rmdir()
        yield room, "a limit on file sizes"
        return
    try:
        shutil.copytree(folder, beside, dirs_exist_ok=True)
        shutil.rmtree(folder)
        folder.symlink_to(beside.name)
        yield None, "tmpfs"
        folder.unlink()
        shutil.copytree(beside, folder)
    finally:
        subprocess.run(["umount", beside], check=True)
        beside.rmdir()


def _until_step(process: Process, step: int, seconds: float = float("inf")) -> bool:
    """Waits for a step, at most so many seconds."""
    late = _after(seconds)
    return process.until(lambda: late() or (process.step() or 0) >= step)


def _until_model(process: Process) -> bool:
    return process.until(lambda: any(process.workdir.glob(".model.*")), pause=0)


def _until_new_checkpoints(process: Process, folder: Path, number: int) -> None:
    """Waits until something new is written into the folder of checkpoints, `number` times."""
    known: set[str] = set()

    def something_new() -> bool:
        names = set(os.listdir(folder)) if folder.exists() else set()
        known.intersection_update(names)  # a name that is removed may come back
        return not names <= known

    for _ in range(number):
        known.update(os.listdir(folder) if folder.exists() else ())
        process.until(something_new, pause=0)


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def _expect(process: Process, true: bool, what: str) -> None:
    if not true:
        process.end(signal.SIGKILL)
        raise RuntimeError(f"Expected {what} in {process.workdir}. Its message: {process.message()[-2000:]}")


def _last(process: Process) -> str:
    return process.message().strip().splitlines()[-1]


def _short(message: str, workdir: Path) -> str:
    return message.replace(f"{workdir}/", "").replace(str(workdir), "the folder")
