"""Kills trainings, damages their files and fills their disk, and compares how they end with an undisturbed one.

  python -m tools.durability --output=durability.md
  python -m tools.durability --output=durability.md --quick

The report is a table in Markdown. It takes 12 minutes of CPU time; with --quick, two kills in a short training, less
than one.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from tfvae.cli import start

EXPERIMENT: dict[str, Any] = {
    "model": "vae",
    "parameters": {},
    "optimizers": {"optimizer": {"learning_rate": 1e-4}},
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
QUICK_ALONE = flags.DEFINE_bool("quick", False, "Two kills and no other fault.")


def main(argv: Sequence[str]) -> None:
    from tfvae.files.atomic import written_whole
    from tools.durability.faults import Scene, all_faults, kills, table

    experiment = EXPERIMENT | (QUICK if QUICK_ALONE.value else {})
    with tempfile.TemporaryDirectory(prefix="durability-") as name:
        folder = Path(name)
        (folder / "experiment.json").write_text(json.dumps(experiment))
        command = [sys.executable, "-m", "tfvae.cli", "train", f"--experiment={folder}/experiment.json"]
        every = experiment["log_every"], experiment["checkpoint_every"]
        scene = Scene(command, folder, folder / "whole", experiment["steps"], *every, SEED.value)
        outcomes = []
        if scene.start(scene.whole).end():
            raise RuntimeError("The undisturbed training failed")
        for outcome in [kills(scene, 2)] if QUICK_ALONE.value else all_faults(scene, KILLS.value):
            print(table([outcome]).splitlines()[-1], flush=True)
            outcomes.append(outcome)
    with written_whole(OUTPUT.value) as beside:
        beside.write_text(table(outcomes) + "\n")
    if any(outcome.differing for outcome in outcomes):
        sys.exit("Error: Some trainings did not end like the undisturbed one")


if __name__ == "__main__":
    start.run(sys.modules[__name__])
