"""The repository's own zoo entries are complete. serving/test_zoo_models.py runs their exports."""

from pathlib import Path

import numpy as np
import pytest

from tfvae import zoo
from tfvae.export import versions
from tfvae.metrics import METRICS
from tfvae.release.card import BEGIN, END, card, table

ROOT = Path(__file__).parents[2]
SECTIONS = ("## Scores", "## Limits", "## Train it further", "## Cite", "| licence |", "| training |", "| not for |")


def newest(name):
    return ROOT / "saved_models" / name / str(versions(ROOT / "saved_models" / name)[-1])


@pytest.mark.parametrize("name", zoo.names())
def test_an_entry_is_complete(name):
    entry, scores = ROOT / "zoo" / name, zoo.load_scores(name)
    for file in ("experiment.json", "scores.json", "card.md", "traversals.png", "traversals.gif"):
        assert (entry / file).is_file(), f"zoo/{name} has no {file}: python -m tools.release makes it"
    assert set(METRICS) <= set(scores), name
    assert "limit" not in scores, f"zoo/{name} was scored by --quick"
    release = scores["release"]
    assert str(release["version"]) == newest(name).name
    assert release["steps"]["planned"] == zoo.load_experiment(name).steps >= release["steps"]["trained"] > 0
    assert release["outputs"]["mean"] == zoo.load_experiment(name).latent_dim
    assert {"tool", "date", "machine", "versions"} <= set(release)
    text = (entry / "card.md").read_text()
    for section in SECTIONS:
        assert section in text, f"zoo/{name}/card.md has no {section}"
    assert text == card(entry), f"zoo/{name}/card.md is out of date: run python -m tools.release --table"


def test_the_readme_has_the_table_of_the_scores():
    text = (ROOT / "README.md").read_text()
    shown = text.partition(f"{BEGIN}\n")[2].partition(END)[0]
    assert shown == table(), "README.md's table is out of date: run python -m tools.release --table"
    assert [line for line in shown.splitlines() if "](zoo/" in line], "no entry"


def test_every_saved_model_belongs_to_an_entry():
    folders = {path.name.removesuffix("-decoder") for path in (ROOT / "saved_models").iterdir() if path.is_dir()}
    assert folders == set(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_an_entry_gives_different_codes_for_different_images(name):
    encoder = zoo.load_encoder(name)
    assert encoder.image_shape == tuple(zoo.load_scores(name)["release"]["image_shape"])
    images = np.random.default_rng(1).random((3, *encoder.image_shape), dtype=np.float32)
    assert np.ptp(encoder(images)["mean"], axis=0).max() > 0.1
