"""An entry that is scored again has the scores of its Keras model, and the same weights."""

import json

import numpy as np
import pytest

from tests import tiny
from tests.release.test_publish import NAME, data, root, workdir  # noqa: F401 (fixtures)
from tfvae import zoo
from tfvae.evaluation import QUICKLY, evaluate
from tfvae.export.provenance import read_provenance
from tfvae.loading import load_checkpointed
from tfvae.release.rescore import rescore_entry


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
