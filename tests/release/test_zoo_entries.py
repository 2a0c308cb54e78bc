"""The repository's own zoo entries are complete. serving/test_zoo_models.py runs their exports."""

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfvae import zoo
from tfvae.export import versions
from tfvae.metrics import in_all
from tfvae.release.card import card
from tfvae.release.tables import PAGES, markers

ROOT = Path(__file__).parents[2]
SECTIONS = ("## Scores", "## Limits", "## Train it further", "## Cite", "| licence |", "| training |", "| not for |")
# Metrics that came after an entry was scored. A new score has them; with one factor, as of MNIST, all would be skipped.
NEWER = {"info_wgan_gp-mnist": {"infoc", "infoe", "infom"}}


def newest(name):
    return ROOT / "saved_models" / name / str(versions(ROOT / "saved_models" / name)[-1])


@pytest.mark.parametrize("name", zoo.names())
def test_an_entry_is_complete(name):
    entry, scores = ROOT / "zoo" / name, zoo.load_scores(name)
    for file in ("experiment.json", "scores.json", "card.md", "traversals.png", "traversals.gif"):
        assert (entry / file).is_file(), f"zoo/{name} has no {file}: python -m tools.release makes it"
    assert set(in_all()) - NEWER.get(name, set()) <= set(scores), name
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


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, tables in PAGES.items() for name in tables])
def test_the_pages_have_the_tables_of_the_scores(page, name):
    begin, end = markers(name)
    shown = (ROOT / page).read_text().partition(f"{begin}\n")[2].partition(end)[0]
    assert shown == PAGES[page][name](), f"{page}'s table is out of date: run python -m tools.release --table"
    entries = {entry for entry in zoo.names() if f"zoo/{entry}/card.md" in shown}
    # Nothing is published of codes of MNIST.
    assert entries == set(zoo.names()) - ({"info_wgan_gp-mnist"} if name == "published" else set())


def test_every_saved_model_belongs_to_an_entry():
    folders = {path.name.removesuffix("-decoder") for path in (ROOT / "saved_models").iterdir() if path.is_dir()}
    assert folders == set(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_an_entry_gives_different_codes_for_different_images(name):
    encoder = zoo.load_encoder(name)
    assert encoder.image_shape == tuple(zoo.load_scores(name)["release"]["image_shape"])
    images = np.random.default_rng(1).random((3, *encoder.image_shape), dtype=np.float32)
    assert np.ptp(encoder(images)["mean"], axis=0).max() > 0.1


@pytest.mark.parametrize("name", zoo.names())
def test_a_disc_in_black_and_white_gives_the_codes_of_its_pixels_however_many_bits_its_file_has(name):
    encode = tf.saved_model.load(str(newest(name))).signatures["encode_bytes"]
    rows, columns = np.mgrid[:64, :64]
    disc = Image.fromarray((rows - 30) ** 2 + (columns - 36) ** 2 < 150)
    files = []
    for picture in (disc.convert("L"), disc, disc.convert("RGB").quantize(4), disc.convert("RGB").quantize(16)):
        content = io.BytesIO()
        picture.save(content, "PNG")
        files.append(content.getvalue())
    assert len({file[24] for file in files}) > 1, "one number of bits in all files"
    eight, *fewer = encode(image_bytes=tf.constant(files))["mean"].numpy()
    np.testing.assert_allclose(fewer, np.stack([eight] * 3), atol=1e-5)
