"""Kills trainings at random moments and shows that nothing is lost by it, or watches the memory of a long one.

  python tools/durability.py --experiment=tiny.json --workdir=runs/durability --kills=20
  python tools/durability.py --mode=soak --experiment=factor_vae-dsprites --workdir=runs/soak --minutes=60

It trains once without interruption and once with SIGKILL at random moments, of which every second one is aimed at a
checkpoint that is being written; it prints a report, and ends with 1 when the two do not end with the same weights, bit
for bit. With --mode=soak it prints the resident memory of a training each half minute, and its slope.
"""

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import start  # before anything that imports TensorFlow
import tensorflow as tf
from absl import flags

from tfvae import models  # noqa: F401, which Keras needs to read them
from tfvae.analysis.training_curves import read_scalars

MODE = flags.DEFINE_enum("mode", "kills", ["kills", "soak"], "What is tried.")
EXPERIMENT = flags.DEFINE_string("experiment", None, "As of tools/train.py.", required=True)
WORKDIR = flags.DEFINE_string("workdir", None, "A new folder, for the runs.", required=True)
SET = flags.DEFINE_multi_string("set", [], "As of tools/train.py.")
KILLS = flags.DEFINE_integer("kills", 20, "How many times a training is killed.", 1)
SEED = flags.DEFINE_integer("seed", 0, "Of the moments.")
MINUTES = flags.DEFINE_float("minutes", 60.0, "For how long memory is watched.", 0.0)


def main(argv: Sequence[str]) -> None:
    workdir = Path(WORKDIR.value)
    if workdir.exists():
        raise FileExistsError(f"Expected a new folder. Received: workdir={workdir}")
    {"kills": _kills, "soak": _soak}[MODE.value](workdir)


def _kills(workdir: Path) -> None:
    whole, killed, rng = workdir / "whole", workdir / "killed", random.Random(SEED.value)
    if _train(whole).wait():
        raise OSError(f"The training without interruption failed: {workdir}/output")
    kills, in_writing, lost = 0, 0, 0
    while kills < KILLS.value:
        aimed = kills % 2 == 1
        process = _train(killed)
        # Some steps further than the last one got, by checkpoints, and then some time, in which a step or two are done.
        goal = _newest(killed) + rng.uniform(0, _newest(whole) / (2 * KILLS.value))
        while process.poll() is None and _newest(killed) < goal:
            time.sleep(0.01)
        late = time.monotonic() + rng.uniform(0, 0.2)
        while process.poll() is None and not (time.monotonic() > late and (not aimed or _writing(killed))):
            time.sleep(0.0002)
        if process.poll() is not None:
            raise OSError(f"The training ended before it could be killed {KILLS.value} times: take more steps")
        process.kill()
        process.wait()
        kills += 1
        in_writing += (unfinished := _writing(killed))
        step, reached = _newest(killed), _logged(killed)
        lost += max(0, reached - step)
        print(
            f"kill {kills}: at step {reached} or later, goes on from {step}{', writing' if unfinished else ''}",
            flush=True,
        )
    if _train(killed).wait():
        raise OSError(f"The training could not be gone on with: {workdir}/output")
    equal = all(np.array_equal(one, other) for one, other in zip(_state(whole), _state(killed), strict=True))
    print(f"{kills} kills, {in_writing} of them while a checkpoint was written; {lost} logged steps done anew")
    print(f"weights and optimizers are {'equal, bit for bit' if equal else 'NOT EQUAL'}")
    if not equal:
        sys.exit(1)


def _soak(workdir: Path) -> None:
    process, began, samples = _train(workdir / "soak"), time.monotonic(), []
    try:
        while process.poll() is None and time.monotonic() < began + 60 * MINUTES.value:
            samples.append(((time.monotonic() - began) / 60, _resident(process.pid)))
            print("{:6.1f} min {:8.1f} MiB".format(*samples[-1]), flush=True)
            time.sleep(min(30.0, 6 * MINUTES.value))
    finally:
        process.terminate()
        process.wait()
    minutes, resident = np.array(samples[len(samples) // 2 :]).T  # at first memory grows: buffers, compiled steps
    print(f"slope of the second half: {np.polyfit(minutes, resident, 1)[0]:+.3f} MiB/min")


def _train(workdir: Path) -> subprocess.Popen:
    tool = Path(__file__).parent / "train.py"
    command = [sys.executable, str(tool), f"--experiment={EXPERIMENT.value}", f"--workdir={workdir}"]
    workdir.parent.mkdir(parents=True, exist_ok=True)
    with (workdir.parent / "output").open("a") as output:
        return subprocess.Popen([*command, *(f"--set={each}" for each in SET.value)], stdout=output, stderr=output)


def _writing(workdir: Path) -> bool:
    return any((workdir / "checkpoints").glob("step-*_temp"))


def _newest(workdir: Path) -> int:
    return max((int(path.stem.removeprefix("step-")) for path in workdir.glob("checkpoints/step-*.index")), default=0)


def _logged(workdir: Path) -> int:
    if not any(workdir.glob("logs/*tfevents*")):
        return 0
    return max((int(steps[-1]) for steps, _ in read_scalars(workdir / "logs").values()), default=0)


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _state(workdir: Path) -> list[np.ndarray]:
    model = tf.keras.models.load_model(workdir / "model.keras")
    optimizers = [getattr(model, name) for name in model.optimizers]
    variables = [variable for part in (model, *optimizers) for variable in part.variables]
    return [np.asarray(variable) for variable in variables]


if __name__ == "__main__":
    start.run(main)
