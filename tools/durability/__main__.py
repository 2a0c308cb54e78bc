"""Kills trainings, damages their files and fills their disk, and compares how they end with an undisturbed one.

  python -m tools.durability --output=durability.md
  python -m tools.durability --output=durability.md --models=factor_vae,joint_factor_vae,info_gan --small
  python -m tools.durability --output=durability.md --quick

The report is a table in Markdown. For each model it takes 12 minutes of CPU time; with --small, of networks and images
so small that processes mostly start, five; with --quick, two kills in a short training, less than one. With
--full_disks each command meets a full disk, for which root mounts one, and with --power_cut the order of writes,
flushes and renames of a training and an export is read from strace.
"""

import dataclasses
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from tfvae.cli import start

if TYPE_CHECKING:
    from tools.durability.faults import Outcome

COMMAND = [sys.executable, "-m", "tfvae.cli", "train"]
EXPERIMENT: dict[str, Any] = {
    "data": "dsprites",
    "batch_size": 16,
    "steps": 800,
    "log_every": 5,
    "checkpoint_every": 20,
}
QUICK: dict[str, Any] = {"batch_size": 2, "steps": 40, "log_every": 2, "checkpoint_every": 4}

OUTPUT = flags.DEFINE_string("output", None, "The file for the table.", required=True)
KILLS = flags.DEFINE_integer("kills", 20, "The number of kills; 0 for the other faults alone.", 0)
SEED = flags.DEFINE_integer("seed", 0, "Decides the random moments.")
MODELS = flags.DEFINE_list("models", ["vae"], "The models that are trained; empty for none.")
FULL_DISKS = flags.DEFINE_bool("full_disks", False, "A full disk under each command.")
POWER_CUT = flags.DEFINE_bool("power_cut", False, "The order of writes, flushes and renames.")
SMALL = flags.DEFINE_bool("small", False, "Small networks and images.")
QUICK_ALONE = flags.DEFINE_bool("quick", False, "Two kills and no other fault.")


def main(argv: Sequence[str]) -> None:
    from tfvae.files.atomic import written_whole
    from tools.durability.faults import table
    from tools.durability.full_disks import full_disks

    outcomes = []
    with tempfile.TemporaryDirectory(prefix="durability-") as name:
        folder = Path(name)
        parts = [_of_model(model, folder / model) for model in MODELS.value if model]
        parts += [full_disks(folder / "full_disks")] if FULL_DISKS.value else []
        parts += [_power_cuts(folder / "power_cut")] if POWER_CUT.value else []
        for outcome in itertools.chain(*parts):
            print(table([outcome]).splitlines()[-1], flush=True)
            outcomes.append(outcome)
    with written_whole(OUTPUT.value) as beside:
        beside.write_text(table(outcomes) + "\n")
    if any(outcome.differing for outcome in outcomes):
        sys.exit("Error: Some trainings did not end like the undisturbed one")


def _of_model(model: str, folder: Path) -> "Iterator[Outcome]":
    from tools.durability.faults import Scene, all_faults, kills
    from tools.durability.small import paper_experiment, small_experiment

    folder.mkdir()
    experiment = EXPERIMENT | (small_experiment(model, folder) if SMALL.value else paper_experiment(model))
    experiment |= QUICK if QUICK_ALONE.value else {}
    (folder / "experiment.json").write_text(json.dumps(experiment))
    command = [*COMMAND, f"--experiment={folder}/experiment.json"]
    every = experiment["log_every"], experiment["checkpoint_every"]
    scene = Scene(command, folder, folder / "whole", experiment["steps"], *every, SEED.value)
    if scene.start(scene.whole).end():
        raise RuntimeError(f"The undisturbed training of {model} failed")
    for outcome in [kills(scene, 2)] if QUICK_ALONE.value else all_faults(scene, KILLS.value):
        yield dataclasses.replace(outcome, fault=f"{model}: {outcome.fault}")


def _power_cuts(folder: Path) -> "Iterator[Outcome]":
    from tools.durability.faults import Outcome
    from tools.durability.power_cut import lost, traced
    from tools.durability.small import small_experiment

    folder.mkdir()
    (folder / "experiment.json").write_text(json.dumps(small_experiment("vae", folder) | {"steps": 40}))
    cli, model = COMMAND[:-1], f"--model={folder}/run"
    scored = ["--metrics=mig", "--quick", f"--output={folder}/scores.json"]
    commands = {
        "training": [*cli, "train", f"--experiment={folder}/experiment.json", f"--workdir={folder}/run"],
        "scores": [*cli, "evaluate", model, *scored],
        "export": [*cli, "export", model, f"--output={folder}/vae/1"],
    }
    for what, command in commands.items():
        calls = traced(command, folder, {"TFVAE_CACHE": f"{folder}/cache"})
        # TensorFlow renames its parts of a checkpoint before they are flushed, and then the list that makes it one.
        faults, renamed = lost(calls, folder, names=r"checkpoint|.*\.json|.*\.npy|model\.keras|npz-\w+|\d+")
        happened = f"{renamed} files and folders got their names, {len(faults)} of them before they were flushed"
        yield Outcome(f"power cut, {what}", 1, happened, [0], faults)


if __name__ == "__main__":
    start.run(sys.modules[__name__])
