"""A study of a model, a metric and data that a module of the user registers."""

import json
from pathlib import Path

import pytest

from tests.processes import Command
from tfvae.studies import Study, read_table

ROOT = Path(__file__).parents[2]
MODULE = """
import numpy as np

import tfvae
from tfvae.data import FactorTable, GroundTruthData


@tfvae.register_model("my_vae")
class MyVAE(tfvae.BetaVAE):
    pass


@tfvae.register_metric("my_quarter")
def quarter(codes, rng):
    return {"score": 0.25, "standard_error": 0.0}


@tfvae.register_data("my_dots")
def dots():
    places = np.stack(np.meshgrid(range(6), range(6), indexing="ij"), axis=-1).reshape(-1, 2)
    images = np.zeros((36, 16, 16, 1), np.uint8)
    for image, (y, x) in zip(images, places, strict=True):
        image[2 * y : 2 * y + 4, 2 * x : 2 * x + 4] = 255
    return GroundTruthData("my_dots", FactorTable(("y", "x"), places), images)
"""
STUDY = {
    "import": ["my_module_of_a_study"],
    "experiment": {
        "data": "my_dots",
        "parameters": {"beta": 2.0},
        "optimizers": {},
        "batch_size": 4,
        "steps": 2,
        "log_every": 1,
        "checkpoint_every": 1,
    },
    "grid": {"model": "my_vae"},
    "evaluation": {"metrics": ["my_quarter"], "images": 16},
}


def test_its_runs_know_what_its_modules_register(tmp_path):
    for folder in ("study", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "study" / "my_module_of_a_study.py").write_text(MODULE)
    (tmp_path / "study" / "study.json").write_text(json.dumps(STUDY))
    # A second module, of the current folder.
    (tmp_path / "elsewhere" / "and_another.py").write_text("print('another is imported')")
    arguments = ["study", "../study/study.json", "--output=out", "--import=and_another"]
    environment = {"PYTHONPATH": str(ROOT)}
    ended = Command("tfvae.cli", *arguments, folder=tmp_path / "elsewhere", environment=environment)
    _, err = ended.communicate(timeout=600)
    assert ended.returncode == 0, err
    (row,) = read_table(tmp_path / "elsewhere" / "out")
    assert (row["model"], row["data"], row["my_quarter"]) == ("my_vae", "my_dots", 0.25)
    run = tmp_path / "elsewhere" / "out" / "runs" / row["run"]
    assert "another is imported" in (run / "output.txt").read_text()
    task = json.loads((run / "task.json").read_text())
    assert task["import"] == ["my_module_of_a_study", "and_another"]
    assert task["import_from"] == [str(tmp_path / "elsewhere" / ".." / "study"), str(tmp_path / "elsewhere")]
    # The copy of the study has the same keys.
    saved = json.loads((tmp_path / "elsewhere" / "out" / "study.json").read_text())
    assert saved["import"] == task["import"]


@pytest.mark.parametrize("wrong", ["my_module", [3]])
def test_modules_that_are_not_a_list_of_names_are_refused(wrong):
    with pytest.raises(ValueError, match="Expected import to be a list of names of modules"):
        Study.from_dict({"experiment": {}, "import": wrong})


def test_a_module_that_is_not_there_is_named(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"experiment": {}, "import": ["not_there"]}))
    with pytest.raises(ImportError, match=f"from {tmp_path} or .*Received: 'not_there'"):
        Study.load(tmp_path / "study.json")


def test_a_study_is_the_same_after_json():
    text = json.dumps(Study({"model": "vae"}, seeds=None, score_at=[4], imports=("json",)).to_dict())
    assert json.dumps(Study.from_dict(json.loads(text)).to_dict()) == text
    with pytest.raises(ValueError, match=r"keys of a study .*Received: \['folder'\]"):
        Study.from_dict(json.loads(text) | {"folder": "here"})
