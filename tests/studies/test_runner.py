"""Studies of tiny runs: in this process, where TensorFlow is loaded already, and once in processes of their own."""

import csv
import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from tests import tiny
from tests.processes import Command
from tfvae import data
from tfvae.evaluation import evaluate
from tfvae.files.lock import locked
from tfvae.loading import load
from tfvae.models import MODELS, BetaVAE
from tfvae.studies import listing, read_table, run_study, runner
from tfvae.studies import run as run_module
from tfvae.studies.run import run_folder
from tfvae.studies.study import Evaluation, Study
from tfvae.training.train import train

pytestmark = pytest.mark.usefixtures("few_draws")


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    """The name of data with factors: a square of 2 sizes at 6 x 6 places."""
    path = tmp_path_factory.mktemp("data") / "blobs.npz"
    factors = np.stack(np.meshgrid(range(2), range(6), range(6), indexing="ij"), axis=-1).reshape(-1, 3)
    y, x = np.mgrid[:16, :16]
    size, *places = (factors[:, k, np.newaxis, np.newaxis] for k in range(3))
    inside = (abs(y - 3 - 2 * places[0]) < 2 + size) & (abs(x - 3 - 2 * places[1]) < 2 + size)
    np.savez(path, images=np.uint8(255 * inside[..., np.newaxis]), factors=factors)
    return f"npz:{path}"


def study_of(blobs, grid=None, **changes):
    base = dataclasses.asdict(tiny.experiment(model="beta_vae", data=blobs)) | {"optimizers": {}}
    del base["parameters"], base["seed"]
    if grid is None:
        grid = [{"parameters.beta": 1}, {"model": "factor_vae", "parameters.gamma": 5.0}]
    values = {"seeds": (0,), "score_at": (4,), "evaluation": Evaluation(["factor_vae", "mig"], quick=True)}
    return Study(base, grid, **values | changes)


def here(order=1):
    """Runs tasks in this process instead of processes of their own; with order=-1 the last one first."""

    def run(tasks, **settings):
        for task in tasks[::order]:
            try:
                run_folder(task.output.parent)
                yield task, ""
            except ValueError as error:
                yield task, str(error)

    return run


def without_seconds(rows):
    return [{key: value for key, value in row.items() if not key.endswith("seconds")} for row in rows]


@pytest.fixture(scope="module")
def done(blobs, few_draws, tmp_path_factory):
    """A study of two runs that was not interrupted, and the lines that it reported."""
    output, lines = tmp_path_factory.mktemp("study"), []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runner, "in_processes", here())
        assert run_study(study_of(blobs), output, report=lines.append) == {}
    return output, lines


def test_a_row_has_the_scores_of_training_and_scoring_by_hand(blobs, done, tmp_path):
    row = read_table(done[0])[-1]
    experiment = list(study_of(blobs).experiments().values())[-1]
    train(experiment, tmp_path / "model", progress=False)
    trained, images = load(tmp_path / "model"), data.load(blobs)
    settings = study_of(blobs).evaluation.arguments()
    scores = evaluate(trained, images, **settings)
    assert (row["model"], row["parameters.gamma"], row["steps"]) == ("factor_vae", 5.0, 8)
    for name in ("factor_vae", "mig"):
        assert (row[name], row[f"{name}.standard_error"]) == (scores[name]["score"], scores[name]["standard_error"])
    assert row["reconstruction"] == scores["reconstruction"]["nats"]
    assert row["kl"] == scores["kl"]["total"]
    assert (done[0] / "runs" / row["run"] / "traversals.png").read_bytes().startswith(b"\x89PNG")
    assert row["training_seconds"] > 0


def test_ignored_factors_are_checked_before_the_training_and_not_scored(blobs, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "in_processes", here())
    grid, name = [{"parameters.beta": 1}], "factor_0"
    for ignore in (["shape"], [name]):
        evaluation = Evaluation(["mig"], quick=True, ignore=ignore)
        study = study_of(blobs, grid, evaluation=evaluation, score_at=())
        failed = run_study(study, tmp_path / "study", report=lambda line: None)
        (folder,) = (tmp_path / "study" / "runs").iterdir()
        assert (folder / "model").exists() == (ignore == [name])
        assert [f"'{name}'" in problem and "Received: 'shape'" in problem for problem in failed.values()] == (
            [True] if ignore == ["shape"] else []
        )
    (file,) = (folder / "scores").iterdir()
    assert json.loads(file.read_text())["scores"]["factors"]["ignored"] == [name]


def test_a_table_has_a_row_for_each_step_and_each_key(done):
    rows = read_table(done[0])
    assert [(row["model"], row["steps"]) for row in rows] == [
        (model, steps) for model in ("beta_vae", "factor_vae") for steps in (4, 8)
    ]
    assert [row["parameters.beta"] for row in rows] == [1, 1, None, None]
    assert {"batch_size", "seed", "discriminator.units", "latent_dim", "data", "precision"} <= set(rows[0])
    with (done[0] / "results.csv").open() as file:
        as_text = list(csv.DictReader(file))
    assert [float(row["mig"]) for row in as_text] == [row["mig"] for row in rows]
    assert as_text[2]["parameters.beta"] == ""


def test_a_larger_study_runs_only_what_is_not_done(blobs, done, tmp_path, monkeypatch):
    output, study = shutil.copytree(done[0], tmp_path / "study"), study_of(blobs)
    monkeypatch.setattr(runner, "in_processes", here())
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file() and "runs" in path.parts}
    lines = []
    run_study(study, output, report=lines.append)
    assert lines == ["2 runs, of which 2 are done"]
    grid = [*study.grid[::-1], {"parameters.beta": 2}]
    run_study(study_of(blobs, grid, score_at=()), output, report=lines.append)
    assert "3 runs, of which 2 are done" in lines
    assert {path: path.stat().st_mtime_ns for path in before} == before
    rows = {(row["model"], row["parameters.beta"]): row for row in without_seconds(read_table(output))}
    assert list(rows) == [("factor_vae", None), ("beta_vae", 1), ("beta_vae", 2)]
    assert rows["beta_vae", 1]["mig"] == read_table(done[0])[1]["mig"]
    assert [line.split("  ")[1] for line in listing(study, output)] == ["done", "done"]


def test_another_evaluation_needs_no_training_and_overwrites_nothing(blobs, done, tmp_path, monkeypatch):
    output = shutil.copytree(done[0], tmp_path / "study")
    monkeypatch.setattr(runner, "in_processes", here())
    asked = study_of(blobs, study_of(blobs).grid[:1], evaluation=Evaluation(["sap"], quick=True))
    monkeypatch.setattr(run_module._Clock, "on_epoch_end", lambda *args: pytest.fail("it trains"))
    assert run_study(asked, output, report=lambda line: None) == {}
    (row,) = read_table(output)  # the weights of step 4 are gone
    assert (row["steps"], "mig" in row, row["sap"] is not None) == (8, False, True)
    assert len(list((output / "runs" / row["run"] / "scores").iterdir())) == 3


def test_an_interrupted_study_ends_like_one_that_was_not(blobs, done, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "in_processes", here(order=-1))
    study, score, calls = study_of(blobs, study_of(blobs).grid[:1]), run_module.evaluate, []

    def stopped(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return score(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(run_module, "evaluate", stopped)
        with pytest.raises(KeyboardInterrupt):
            run_study(study, tmp_path, report=lambda line: None)
    (line,) = listing(study, tmp_path)
    assert line.split("  ")[1] == "at step 8 of 8"
    run_study(study, tmp_path, report=lambda line: None)
    found, expected = without_seconds(read_table(tmp_path)), without_seconds(read_table(done[0]))[:2]
    assert found == [{key: row[key] for key in found[0]} for row in expected]


def test_a_model_that_cannot_decode_has_scores_without_traversals(blobs, tmp_path, monkeypatch):
    @keras.saving.register_keras_serializable("tests of studies")
    class Blind(BetaVAE):
        def capabilities(self):
            return dataclasses.replace(super().capabilities(), decode=None, log_likelihood=None)

    monkeypatch.setitem(MODELS, "blind", Blind)
    monkeypatch.setattr(runner, "in_processes", here())
    images = tmp_path / "images.npz"
    np.savez(images, images=np.load(blobs.removeprefix("npz:"))["images"])
    evaluation = Evaluation(["mig", "total_correlation"], quick=True)
    study = study_of(f"npz:{images}", [{"model": "blind", "parameters.beta": 1}], score_at=(), evaluation=evaluation)
    assert run_study(study, tmp_path / "study", report=lambda line: None) == {}
    (row,) = read_table(tmp_path / "study")
    assert not (tmp_path / "study" / "runs" / row["run"] / "traversals.png").exists()
    assert "reconstruction" not in row
    assert row["total_correlation"] is not None
    # Its data has no factors: MIG was skipped, and has empty cells.
    assert (row["mig"], row["mig.standard_error"]) == (None, None)
    with (tmp_path / "study" / "results.csv").open() as file:
        assert next(csv.DictReader(file))["mig"] == ""
    assert "| blind |  | 1 | 8 |  | " in (tmp_path / "study" / "results.md").read_text()


DAMAGE = {"empty": "", "deep": "[" * 100_000, "object": "{}", "wrong_kinds": '{"experiment": 1, "scores": 2}'}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_scores_are_named_and_made_again_and_the_time_counts_from_zero(
    damage, blobs, done, tmp_path, monkeypatch, caplog
):
    output, study = shutil.copytree(done[0], tmp_path / "study"), study_of(blobs, study_of(blobs).grid[:1])
    (name,) = study.experiments()
    scores = sorted((output / "runs" / name / "scores").iterdir())
    for file in (*scores, output / "runs" / name / "seconds.json"):
        file.write_text(DAMAGE[damage])
    assert [line.split("  ")[1] for line in listing(study, output)] == ["at step 8 of 8"]
    monkeypatch.setattr(runner, "in_processes", here())
    monkeypatch.setattr(run_module, "evaluate", lambda *args, **kwargs: {"mig": {"score": 0.5, "standard_error": 0.1}})
    assert run_study(study, output, report=lambda line: None) == {}
    for file in (*scores, output / "runs" / name / "seconds.json"):
        assert str(file) in caplog.text
    (row,) = read_table(output)  # the weights of step 4 are gone, and its scores with them
    assert (row["steps"], row["mig"]) == (8, 0.5)


def test_damaged_results_and_tasks_are_named(tmp_path):
    (tmp_path / "results.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(ValueError, match=rf"Received: {tmp_path}/results\.parquet.*writes it again"):
        read_table(tmp_path)
    (tmp_path / "task.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=rf"Expected the task of a run, a JSON file\. Received: {tmp_path}/task\.json"):
        run_folder(tmp_path)


def test_two_studies_in_one_folder_are_refused(blobs, tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(BlockingIOError, match=f"{tmp_path} is in use by process"),
    ):
        run_study(study_of(blobs), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_resumes_and_reports_what_failed(blobs, done, tmp_path):
    grid = [study_of(blobs).grid[0], {"optimizers.optimizer.learning_rate": 1e30}]
    output, study = shutil.copytree(done[0], tmp_path / "study"), study_of(blobs, grid)
    good, bad = study.experiments()
    rows = read_table(output)
    for file in (output / "runs" / good / "scores").glob("8-*"):
        file.unlink()
    (tmp_path / "study.json").write_text(json.dumps(study.to_dict()))
    command = Command("tfvae.cli", "study", tmp_path / "study.json", f"--output={output}", "--processes=2")
    out, err = command.communicate(timeout=600)
    assert command.returncode == 1, err
    *_, last = err.strip().splitlines()
    assert last == "Error: 1 runs failed. The same command tries them again"
    assert f"Failed: {bad}: exit code 1" in err
    assert "Try a smaller learning" in err
    assert f"[1/2] {good}  " in out
    found = without_seconds(read_table(output))
    assert [(row["run"], row["steps"]) for row in found] == [(good, 4), (good, 8)]
    assert found[0] == {key: value for key, value in without_seconds(rows)[0].items() if key in found[0]}
    # Another number of threads rounds differently.
    assert found[1]["reconstruction"] == pytest.approx(rows[1]["reconstruction"], rel=1e-4)
    assert (output / "trade_off_factor_vae.png").read_bytes().startswith(b"\x89PNG")
