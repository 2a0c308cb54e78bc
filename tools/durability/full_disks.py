"""Each command on a full disk: it names what it could not write, leaves nothing half written, and works with room."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.durability.faults import Outcome
from tools.durability.small import blobs

_CLI = [sys.executable, "-m", "tfvae.cli"]
_RELEASE = [sys.executable, "-m", "tools.release", "--name=vae-blobs", "--quick"]
_RUN = {"model": "vae", "steps": 4, "log_every": 2, "checkpoint_every": 2, "batch_size": 8, "latent_dim": 3}


def full_disks(folder: Path) -> Iterator[Outcome]:
    """An outcome for each kind of file that a command writes, on a disk without room for it.

    Raises:
        PermissionError: when no file system can be mounted, which root can.
        RuntimeError: when a command does something else than it should.
    """
    folder.mkdir(parents=True)
    data = blobs(folder / "blobs.npz")
    experiment = folder / "experiment.json"
    experiment.write_text(json.dumps({**_RUN, "data": data}))
    study = folder / "study.json"
    evaluation = {"metrics": ["mig"], "quick": True, "images": 32}
    study.write_text(json.dumps({"experiment": {**_RUN, "data": data}, "evaluation": evaluation}))
    run = folder / "run"
    environment = {**os.environ, "TFVAE_CACHE": str(folder / "cache")}
    _expect(_ended([*_CLI, "train", f"--experiment={experiment}", f"--workdir={run}"], environment), 0)
    model = f"--model={run}"
    disk = folder / "disk"
    train = [*_CLI, "train", f"--experiment={experiment}"]
    commands: Mapping[str, tuple[list[str], str]] = {
        "experiment.json": ([*train, f"--workdir={disk}/run"], f"{disk}/run/experiment.json"),
        "cache": ([*train, f"--workdir={folder}/again"], f"{disk}/npz-"),
        "scores": ([*_CLI, "evaluate", model, "--metrics=mig", "--quick", f"--output={disk}/s.json"], f"{disk}/s.json"),
        "codes": ([*_CLI, "evaluate", model, "--metrics=mig", "--quick", f"--cache={disk}/codes"], f"{disk}/codes/"),
        "traversals": ([*_CLI, "traverse", model, f"--output={disk}/t.png"], f"{disk}/t.png"),
        "report": ([*_CLI, "report", model, f"--output={disk}/report.html"], f"{disk}/report.html"),
        "export": ([*_CLI, "export", model, f"--output={disk}/vae/1"], f"{disk}/vae/1"),
        "release": (
            [
                sys.executable,
                "-m",
                "tools.release",
                f"--workdir={run}",
                "--name=vae-blobs",
                f"--root={disk}",
                "--quick",
            ],
            f"{disk}",
        ),
        "study": ([*_CLI, "study", str(study), f"--output={disk}/study"], f"{disk}/study/study.json"),
    }
    for kind, (command, named) in commands.items():
        there = {**environment, "TFVAE_CACHE": str(disk)} if kind == "cache" else environment
        with _full(disk) as make_room:
            ended = _ended(command, there)
            _expect(ended, 1)
            line = ended.stderr.strip().splitlines()[-1]
            left = [path for path in disk.rglob("*") if path.is_file() and path.name not in (".fill", ".lock")]
            if named not in line or ("no space left" not in line and "Expected" not in line) or left:
                raise RuntimeError(f"Expected an error that names {named}, and no file. Received: {line}, {left}")
            make_room()
            _expect(_ended(command, there), 0)
        yield Outcome(f"disk full, {kind}", 1, f"exit 1: {line.replace(f'{folder}/', '')}", [0], None)


@contextmanager
def _full(folder: Path) -> Iterator[Callable[[], None]]:
    """Mounts a file system without a free byte; yields a function that makes room."""
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True).returncode:
        raise PermissionError("Expected a user who can mount a file system of little room, such as root")
    filler = folder / ".fill"

    def make_room() -> None:
        subprocess.run(["mount", "-o", "remount,size=1g", folder], check=True)
        filler.unlink()

    try:
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        yield make_room
    finally:
        subprocess.run(["umount", folder], check=True)


def _ended(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def _expect(ended: subprocess.CompletedProcess[str], code: int) -> None:
    if ended.returncode != code:
        raise RuntimeError(f"Expected exit code {code} of {ended.args}. Received: {ended.returncode}: {ended.stderr}")
