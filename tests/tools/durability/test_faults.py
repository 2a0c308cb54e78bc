"""The reports of the harness are true: about leftover files, and about two trainings that differ."""

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests import tiny
from tfvae.training.checkpoints import fault_of
from tfvae.training.train import train
from tools.durability.ending import differing, ending, last_step
from tools.durability.faults import DAMAGE, Outcome, half_written, table
from tools.durability.process import Process

ROOT = Path(__file__).parents[3]


VAE = tiny.experiment(model="vae", parameters={}, optimizers={"optimizer": {"learning_rate": 1e-3}})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("finished") / "run"
    train(VAE, workdir, data=tiny.Blobs(), progress=False)
    return workdir


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def test_an_ending_has_weights_optimizers_and_logs(finished):
    names = " ".join(ending(finished))
    for part in (
        "optimizer/_trainable_variables",
        "checkpoint optimizer/_iterations",
        "model encoder",
        "log kl of step 8",
    ):
        assert part in names
    assert last_step(finished) == 8


def test_everything_that_differs_between_two_trainings_is_named(finished, copied):
    assert differing(copied, finished) == []
    (copied / ".model.17.tmp.keras").write_text("half")
    (log,) = (copied / "logs").iterdir()
    shutil.copy(log, log.with_name(f"{log.name}.again"))  # each entry is there twice
    found = differing(copied, finished)
    assert "file .model.17.tmp.keras" in found
    assert [name for name in found if "loss" in name] == [f"log loss of step {step}" for step in (2, 4, 6, 8)]


def test_a_training_with_other_noise_differs_in_weights_optimizers_and_logs(finished, tmp_path):
    train(replace(VAE, seed=1), tmp_path, data=tiny.Blobs(), progress=False)
    found = " ".join(differing(tmp_path, finished))
    assert all(kind in found for kind in ("checkpoint optimizer", "model encoder", "model optimizer", "log loss"))
    assert "file" not in found


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (".model.17.tmp.keras", ".model.17.tmp.keras"),
        ("checkpoints/.checkpoint.17.tmp", ".checkpoint.17.tmp"),
        ("checkpoints/step-9_temp", "step-9_temp"),
        ("checkpoints/step-9.data-00000-of-00001", "step-9"),
        ("checkpoints/step-9.index", "step-9"),
    ],
)
def test_half_written_files_are_found(name, shown, copied):
    assert half_written(copied) == []
    (copied / name).write_text("half")
    assert shown in half_written(copied)
    assert half_written(copied, since=time.time() + 1) == []


@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_is_found(name, copied):
    path = copied / "checkpoints" / "step-8"
    assert fault_of(path) is None
    DAMAGE[name](path)
    assert fault_of(path) is not None


SHOWING = """
import sys, time
for step in range(1_003, 4_000_000):
    print(f"step {step:,} of 4,000  loss 1.5", file=sys.stderr, flush=True)
    time.sleep(0.05)
    if step == 1_010:
        print("/run/checkpoints/step-8 is damaged", file=sys.stderr)
"""


def test_a_process_is_watched_signalled_and_understood(tmp_path):
    process = Process([sys.executable, "-c", SHOWING], tmp_path, tmp_path / "output")
    assert process.until(lambda: (process.step() or 0) >= 1_012)
    assert process.end(signal.SIGINT) in (1, -signal.SIGINT)
    assert 1_012 <= process.step() < 4_000_000
    assert process.message().startswith("/run/checkpoints/step-8 is damaged\n")
    assert process.message().endswith("KeyboardInterrupt")
    assert not process.until(lambda: False)


def test_a_process_that_never_ends_is_killed(tmp_path):
    process = Process([sys.executable, "-c", "import time; time.sleep(100_000)"], tmp_path, tmp_path / "output")
    with pytest.raises(TimeoutError, match=str(tmp_path)):
        process.until(lambda: False, patience=0.2)
    assert process.code == -signal.SIGKILL


def test_the_table_names_what_differs():
    rows = table([Outcome("SIGKILL", 2, "ended", [3, 4], []), Outcome("flood", 1, "wet", [0], ["log loss of step 2"])])
    assert "| SIGKILL | 2 | ended | 3.5 (at most 4) | bit for bit |" in rows
    assert "| flood | 1 | wet | 0 | NO: 1, as log loss of step 2 |" in rows


@pytest.mark.slow  # tests/training/test_workers.py kills a training and test_resuming.py stops one
def test_killed_trainings_end_like_an_undisturbed_one(tmp_path):
    command = [sys.executable, "-m", "tools.durability", f"--output={tmp_path}/table.md", "--quick"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "| vae: SIGKILL | 2 | " in (tmp_path / "table.md").read_text()
    assert "| bit for bit |" in process.stdout
