"""`tfvae train` in this process."""

import pytest

from tests import tiny
from tests.cli.commands import run
from tfvae.experiment import Experiment


@pytest.fixture
def experiment(tmp_path):
    tiny.experiment().save(tmp_path / "tiny.json")
    return f"--experiment={tmp_path / 'tiny.json'}"


def test_what_is_wrong_in_an_experiment_is_refused_before_the_data_are_read(tmp_path, experiment, monkeypatch):
    def read(name):
        raise AssertionError("the data are read")

    monkeypatch.setattr("tfvae.data.load", read)
    folder = tmp_path / "other"
    folder.mkdir()
    Experiment("vae").save(folder / "experiment.json")
    for arguments, message in [
        (['--set=parameters={"gama": 5}'], r"Expected parameters out of \[.*\'gamma\'.* Received: \[\'gama\'\]"),
        (["--set=architecture=table_9"], "Expected architecture to be one of"),
        (["--set=model=factorvae"], "Expected model to be one of"),
        (["--set=parameters.gamma=5"], "Expected experiment keys among"),
        ([f"--workdir={folder}"], "belongs to another experiment"),
    ]:
        with pytest.raises((ValueError, FileExistsError), match=message):
            run("train", experiment, f"--workdir={tmp_path / 'run'}", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_run_that_has_ended_is_said_to_be_trained_already(tmp_path, experiment, eager, capsys, monkeypatch):
    monkeypatch.setattr("tfvae.data.load", lambda name: tiny.Blobs())
    workdir, lines = tmp_path / "run", []
    for steps in (4, 8, 8):
        run("train", experiment, f"--workdir={workdir}", f"--set=steps={steps}")
        lines.append(capsys.readouterr().out.splitlines()[-1])
    assert lines == [
        f"Trained for 4 steps: {workdir}/model.keras",
        f"Trained for 8 steps: {workdir}/model.keras",
        f"Already trained for 8 steps: {workdir}/model.keras",
    ]
