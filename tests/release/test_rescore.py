"""An entry that is scored again has the scores of its Keras model, and the same weights."""

import json

import numpy as np
import pytest

import tfvae
from tests import tiny
from tests.release.test_publish import METRICS, NAME, data, root, workdir  # noqa: F401 (fixtures)
from tfvae import zoo
from tfvae.evaluation import QUICKLY, evaluate
from tfvae.export.provenance import read_provenance
from tfvae.loading import load_checkpointed
from tfvae.release.card import card
from tfvae.release.publish import score
from tfvae.release.rescore import rescore_entry, score_turned


def test_an_entry_is_scored_again_from_its_exports(data, workdir, root):  # noqa: F811
    images = tiny.images(3, shape=(16, 16, 1))
    codes = zoo.load_encoder(NAME, root=root)(images)
    before = zoo.load_scores(NAME, root=root)
    file = root / "zoo" / NAME / "scores.json"
    file.write_text(json.dumps({**before, "mig": {"score": 0.5, "standard_error": 0.0}, "kl": None}))
    version = rescore_entry(NAME, root=root, data=data, quick=True)
    assert version == before["release"]["version"] + 1
    scores = zoo.load_scores(NAME, root=root)
    expected = evaluate(load_checkpointed(workdir, data.image_shape), data, **QUICKLY)
    for metric in ("mig", "dci", "factor_vae"):
        assert scores[metric]["score"] == pytest.approx(expected[metric]["score"], abs=1e-4)
    assert scores["reconstruction"]["nats"] == pytest.approx(expected["reconstruction"]["nats"], rel=1e-5)
    assert scores["latents"]["information"] == pytest.approx(expected["latents"]["information"], abs=1e-5)
    release = scores["release"]
    assert release["steps"] == before["release"]["steps"]
    assert release["date"] == before["release"]["date"]
    assert set(release["scored"]) == {"date", "tfvae"}
    encoder = zoo.load_encoder(NAME, root=root)
    assert read_provenance(encoder.path)["scores"] == scores
    np.testing.assert_allclose(encoder(images)["mean"], codes["mean"], atol=1e-6)
    assert "latents that count: information above 0.02 nats" in zoo.card(NAME, root=root)


def test_turned_scores_stand_beside_the_others_on_the_card_and_are_renewed(data, workdir, root, monkeypatch):  # noqa: F811
    turns = []

    def rotated(model, images):
        turns.append(tfvae.rotate(model, images, active="all", force=True))
        return turns[-1]

    def few(model, able, images, metrics, quick, seed):
        assert metrics == "all"
        return score(model, able, images, METRICS, quick, seed)

    monkeypatch.setattr("tfvae.release.rescore.rotate", rotated)
    monkeypatch.setattr("tfvae.release.rescore.score", few)
    before = zoo.load_scores(NAME, root=root)
    score_turned(NAME, root=root, data=data, quick=True)
    after = zoo.load_scores(NAME, root=root)
    found = after.pop("turned")
    assert after == before
    expected = evaluate(turns[0], data, metrics=METRICS, **QUICKLY)
    for metric in METRICS:
        assert found[metric]["score"] == pytest.approx(expected[metric]["score"], abs=1e-4)
    assert found["reconstruction"]["nats"] == pytest.approx(expected["reconstruction"]["nats"], rel=1e-4)
    text = card(root / "zoo" / NAME)
    values = [f"{scores['mig']['score']:.3f} +- {scores['mig']['standard_error']:.3f}" for scores in (before, found)]
    assert f"| `mig` | {values[0]} | {values[1]} | higher |" in text
    rescore_entry(NAME, root=root, data=data, quick=True)
    assert len(turns) == 2
    assert zoo.load_scores(NAME, root=root)["turned"]["mig"] == found["mig"]
