"""A run becomes a zoo entry, and the entry's files describe it."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import yaml

from tests import tiny
from tests.full_disk import files_of_at_most
from tfvae import zoo
from tfvae.data import FactorSpace, GroundTruthData
from tfvae.evaluation import evaluate
from tfvae.experiment import Experiment
from tfvae.export import versions
from tfvae.loading import load, load_checkpointed
from tfvae.release.card import card
from tfvae.release.publish import release
from tfvae.release.tables import PAGES, markers, published_table, refresh, short_table, table, with_table
from tfvae.training.train import train

NAME = "vae-tiny"
METRICS = ("mig", "total_correlation")


@pytest.fixture(scope="module")
def data():
    """64 images of 16 x 16 with two factors: the corner of a white square."""
    x, y = np.divmod(np.arange(64), 8)
    rows, columns = np.mgrid[:16, :16]
    inside = (abs(rows - 4 - y[:, None, None]) < 3) & (abs(columns - 4 - x[:, None, None]) < 3)
    return GroundTruthData("tiny", FactorSpace(("x", "y"), (np.arange(8.0),) * 2), np.uint8(255 * inside)[..., None])


@pytest.fixture(scope="module")
def workdir(data, tmp_path_factory):
    """A run of 4 of 6 steps: stopped, with checkpoints and without model.keras."""
    workdir = tmp_path_factory.mktemp("run")
    experiment = Experiment(
        model="vae", parameters={}, optimizers={}, discriminator={}, latent_dim=3,
        batch_size=8, steps=4, log_every=2, checkpoint_every=2,
    )  # fmt: skip
    train(experiment, workdir, data=data, progress=False)
    (workdir / "model.keras").unlink()
    Experiment(**{**vars(experiment), "steps": 6}).save(workdir / "experiment.json")
    return workdir


@pytest.fixture(scope="module")
def root(data, workdir, tmp_path_factory):
    """A zoo of one entry, released from the run, with notes that were there before."""
    root = tmp_path_factory.mktemp("root")
    (root / "zoo" / NAME).mkdir(parents=True)
    (root / "zoo" / NAME / "notes.md").write_text("- Squares alone.\n")
    (root / "docs").mkdir()
    for page, tables in PAGES.items():
        (root / page).write_text("before\n" + "\nold\n".join(end for name in tables for end in markers(name)))
    assert release(workdir, NAME, root=root, data=data, metrics=METRICS) == 1
    return root


def test_the_exported_encoder_scores_as_the_keras_model(data, workdir, root):
    trained = load_checkpointed(workdir, data.image_shape)
    assert trained.steps == 4
    model = trained.model
    expected = evaluate(trained, data, metrics=METRICS)
    scores = zoo.load_scores(NAME, root=root)
    for metric in METRICS:
        assert scores[metric]["score"] == pytest.approx(expected[metric]["score"], abs=1e-4)
    assert scores["reconstruction"]["nats"] == pytest.approx(expected["reconstruction"]["nats"], rel=1e-5)
    assert scores["kl"]["latents"] == pytest.approx(expected["kl"]["latents"], abs=1e-5)
    assert scores["digest"] == data.digest
    codes = zoo.load_encoder(NAME, root=root)(tiny.images(3, shape=(16, 16, 1)))
    np.testing.assert_allclose(codes["mean"], model(tiny.images(3, shape=(16, 16, 1)))["mean"], atol=1e-5)


def test_an_entry_describes_its_run(root):
    entry = root / "zoo" / NAME
    assert (entry / "traversals.png").read_bytes().startswith(b"\x89PNG")
    assert (entry / "traversals.gif").read_bytes().startswith(b"GIF89a")
    assert (entry / "samples.png").read_bytes().startswith(b"\x89PNG")
    assert zoo.load_experiment(NAME, root=root).steps == 6
    known = zoo.load_scores(NAME, root=root)["release"]
    assert (known["version"], known["steps"]) == (1, {"trained": 4, "planned": 6})
    assert known["outputs"] == {"mean": 3, "log_variance": 3}
    assert known["data"] == {"images": 64, "factors": {"x": 8, "y": 8}}
    text = (entry / "card.md").read_text()
    assert "**Trained for 4 of the 6 steps that are planned.**" in text
    assert "- Squares alone.\n" in text
    assert "Auto-Encoding Variational Bayes" in text
    assert "`mig`" in text
    assert "`sap`" not in text
    assert "![Images that the decoder draws from its prior](samples.png)" in text
    assert text == card(entry)
    head = yaml.safe_load(text.split("---\n")[1])
    (result,) = head["model-index"][0]["results"]
    expected = [{"type": name, "value": round(zoo.load_scores(NAME, root=root)[name]["score"], 4)} for name in METRICS]
    assert sorted(result["metrics"], key=lambda metric: metric["type"]) == sorted(expected, key=lambda m: m["type"])
    assert "published" not in text


def test_the_tables_have_its_row(root):
    readme, page = (root / "README.md").read_text(), (root / "docs" / "zoo.md").read_text()
    (begin, end), (begin_published, end_published) = markers("zoo"), markers("published")
    assert readme == f"before\n{begin}\n{short_table(root=root)}{end}"
    of_papers = f"\nold\n{begin_published}\n{published_table(root=root)}{end_published}"
    assert page == f"before\n{begin}\n{table(root=root)}{end}{of_papers}"
    assert f"| [{NAME}](zoo/{NAME}/card.md) | 4 |" in readme
    assert f"| [{NAME}](../zoo/{NAME}/card.md) | 1 | 4 of 6 |" in page
    assert with_table("no markers", "zoo", "table") == "no markers"


def test_a_run_that_was_resumed_becomes_a_new_version(data, workdir, root, tmp_path):
    there, run = tmp_path / "root", tmp_path / "run"
    shutil.copytree(root, there)
    shutil.copytree(workdir, run)
    train(Experiment.load(run / "experiment.json"), run, data=data, progress=False)
    assert release(run, NAME, root=there, version=3, data=data, metrics=("mig",)) == 3
    assert versions(there / "saved_models" / NAME) == [1, 3]
    assert zoo.load_scores(NAME, root=there)["release"]["steps"] == {"trained": 6, "planned": 6}
    assert "Trained for 6 steps, as planned." in (there / "zoo" / NAME / "card.md").read_text()
    trained = load(run)
    images = tiny.images(3, shape=(16, 16, 1))
    codes = zoo.load_encoder(NAME, root=there)(images)
    np.testing.assert_allclose(codes["mean"], trained.represent(images)["mean"], atol=1e-5)
    with pytest.raises(FileExistsError, match=r"above 3.*Received: version=2"):
        release(run, NAME, root=there, version=2, data=data)

    # Without checkpoints, model.keras knows its steps.
    shutil.rmtree(run / "checkpoints")
    assert load_checkpointed(run, data.image_shape).steps == 6
    (run / "model.keras").unlink()
    with pytest.raises(FileNotFoundError, match=r"checkpoints or model\.keras"):
        load_checkpointed(run, data.image_shape)


@pytest.fixture
def quickly(monkeypatch):
    """Releases without a network's scores and pictures, which other tests make."""
    monkeypatch.setattr("tfvae.release.publish.evaluate", lambda *args, **kwargs: {"seed": 0})
    monkeypatch.setattr("tfvae.release.publish.draw", lambda exported, data, entry, seed: (entry / "x.png").touch())
    monkeypatch.setattr("tfvae.release.publish.card", lambda folder: None)
    monkeypatch.setattr("tfvae.release.publish.refresh", lambda root: None)


def test_the_scores_come_last_and_each_file_is_on_the_disk_before_its_name(
    data, workdir, tmp_path, quickly, monkeypatch
):
    order, fsync = [], os.fsync
    moves = {"rename": os.rename, "replace": os.replace}

    def flushed(file):
        order.append(("flushed", os.stat(file).st_ino))
        fsync(file)

    def moved(name):
        def record(source, target, **kwargs):
            order.append(("moved", os.stat(source).st_ino, str(target)))
            moves[name](source, target, **kwargs)

        return record

    monkeypatch.setattr(os, "fsync", flushed)
    for name in moves:
        monkeypatch.setattr(os, name, moved(name))
    release(workdir, NAME, root=tmp_path, data=data)
    public = [entry for entry in order if entry[0] == "moved" and "/." not in entry[2].removeprefix(str(tmp_path))]
    assert [entry[2].removeprefix(f"{tmp_path}/") for entry in public] == [
        f"saved_models/{NAME}-decoder/1",
        f"saved_models/{NAME}/1",
        f"zoo/{NAME}/experiment.json",
        f"zoo/{NAME}/x.png",
        f"zoo/{NAME}/scores.json",
    ]
    for entry in public:
        assert ("flushed", entry[1]) in order[: order.index(entry)]
    for path in (tmp_path / "saved_models" / NAME / "1").rglob("*"):
        assert ("flushed", path.stat().st_ino) in order


def test_a_full_disk_names_the_version_and_leaves_nothing(data, workdir, tmp_path, quickly):
    with (
        files_of_at_most(1000),
        pytest.raises(OSError, match=rf"^Version 1 of {NAME} in {tmp_path} could not be written: .*ulimit"),
    ):
        release(workdir, NAME, root=tmp_path, data=data)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_damaged_scores_of_an_entry_are_named(root, tmp_path):
    there = tmp_path / "root"
    shutil.copytree(root, there)
    (there / "zoo" / NAME / "scores.json").write_text("[" * 100_000)
    for read in (lambda: zoo.load_scores(NAME, root=there), lambda: card(there / "zoo" / NAME)):
        with pytest.raises(ValueError, match=rf"the scores of an entry.*{NAME}/scores\.json"):
            read()


def test_another_run_or_name_is_refused_and_nothing_is_written(data, workdir, root, tmp_path, monkeypatch):
    def files():
        return {path: path.stat().st_mtime_ns for path in root.rglob("*")}

    before = files()
    other = Experiment.load(workdir / "experiment.json")
    Experiment(**{**vars(other), "seed": 5, "steps": 99}).save(tmp_path / "experiment.json")
    with pytest.raises(ValueError, match=r"Received: another, with seed=0 \(in the run 5\)"):
        release(tmp_path, NAME, root=root, data=data)
    for name in ("../vae-tiny", "vae", "vae-tiny-decoder", "VAE-tiny"):
        with pytest.raises(ValueError, match=f"Received: name='{re.escape(name)}'"):
            release(workdir, name, root=root, data=data)
    monkeypatch.setattr("tfvae.release.publish.card", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        release(workdir, NAME, root=root, data=data, metrics=())
    left = {path: time for path, time in files().items() if not path.is_dir()}
    assert left == {path: time for path, time in before.items() if not path.is_dir()}
    assert set(files()) == set(before)


def test_refresh_writes_edited_notes_into_the_card(root, tmp_path):
    there = tmp_path / "root"
    shutil.copytree(root, there)
    (there / "zoo" / NAME / "notes.md").write_text("- Changed.\n")
    refresh(root=there)
    assert "- Changed.\n" in (there / "zoo" / NAME / "card.md").read_text()


def test_a_card_reports_a_quick_release_and_skipped_metrics(root, tmp_path):
    there = tmp_path / "root"
    shutil.copytree(root, there)
    entry = there / "zoo" / NAME
    scores = json.loads((entry / "scores.json").read_text())
    scores["limit"] = 10_000
    scores["sap"] = {"score": None, "standard_error": None, "skipped": "the data have no factors"}
    scores["mig"]["standard_error"] = None
    scores["category_accuracy"] = {"label": {"accuracy": 0.9512, "standard_error": 0.001}}
    (entry / "scores.json").write_text(json.dumps(scores))
    text = card(entry)
    metrics = yaml.safe_load(text.split("---\n")[1])["model-index"][0]["results"][0]["metrics"]
    assert {"type": "category_accuracy of label", "value": 0.9512} in metrics
    assert "sap" not in {metric["type"] for metric in metrics}
    assert "come from only 10,000 images (--quick)" in text
    assert "Not scored: `sap`. Reason: the data have no factors." in text
    assert f"| `mig` | {scores['mig']['score']:.3f} | higher |" in text
    assert "| likeliest category as label, matched one to one | 0.951 +- 0.001 | higher |" in text
    assert " | label 0.951 +- 0.001 |\n" in table(root=there)
    assert table(root=root).endswith(" | - |\n")
