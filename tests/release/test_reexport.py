"""Exports are made again with the same weights."""

import json
import shutil

import numpy as np
import pytest

from tests import tiny
from tfvae import zoo
from tfvae.experiment import Experiment
from tfvae.export import Provenance, export_decoder, export_encoder, versions
from tfvae.export.provenance import read_provenance
from tfvae.files.manifest import verify_manifest
from tfvae.models.build import build_model
from tfvae.networks.gan import ARCHITECTURES
from tfvae.release import reexport as module
from tfvae.release.reexport import reexport, reexport_entry

NAME, SHAPE = "info_gan-tiny", (8, 8, 1)
SCORES = {
    "mig": {"score": 0.25, "standard_error": 0.01},
    "release": {
        "version": 3,
        "steps": {"trained": 1, "planned": 1},
        "image_shape": SHAPE,
        "outputs": {"mean": 2, "probabilities": 10},
        "weights": {},
        "data": {"images": 1, "factors": {}},
        "tool": "tools.release",
        "date": "2026-01-02",
        "machine": "1 core",
        "versions": {},
    },
}


@pytest.fixture(scope="module")
def experiment():
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ARCHITECTURES, "table_5", tiny.GAN_SIZES)
        yield Experiment(model="info_gan", data="mnist", latent_dim=2, steps=1, seed=3)


@pytest.fixture(scope="module")
def released(experiment, tmp_path_factory):
    """An entry of a model with categories and noise, whose weights are not those that its seed gives."""
    root = tmp_path_factory.mktemp("released")
    model = build_model(experiment, SHAPE)
    for variable in [*model.encoder.trainable_variables, *model.generator.trainable_variables]:
        variable.assign(variable + 0.01)
    provenance = Provenance(experiment, json.loads(json.dumps(SCORES)), "0a1b")
    export_encoder(model, root / "saved_models" / NAME / "3", provenance=provenance)
    export_decoder(model, root / "saved_models" / f"{NAME}-decoder" / "3", provenance=provenance)
    (root / "zoo" / NAME).mkdir(parents=True)
    experiment.save(root / "zoo" / NAME / "experiment.json")
    (root / "zoo" / NAME / "scores.json").write_text(json.dumps(SCORES))
    return root


@pytest.fixture
def root(released, tmp_path):
    """A copy of the entry, which a test may change."""
    return shutil.copytree(released, tmp_path / "root")


def test_an_entry_is_exported_again_with_the_same_outputs_and_scores(root):
    images, codes = tiny.images(3, shape=SHAPE), np.eye(3, 2 + 10, 2, dtype=np.float32)
    before = zoo.load_encoder(NAME, root=root)(images), zoo.load_decoder(NAME, root=root)(codes)
    for version in (4, 5):
        assert reexport_entry(NAME, root=root) == version
        for name in (NAME, f"{NAME}-decoder"):
            folder = root / "saved_models" / name
            assert versions(folder) == [version]
            assert [path.name for path in folder.iterdir()] == [str(version)]
            verify_manifest(folder / str(version))
            assert read_provenance(folder / str(version))["scores"] == zoo.load_scores(NAME, root=root)
            assert read_provenance(folder / str(version))["data_digest"] == "0a1b"
        found = zoo.load_encoder(NAME, root=root)(images), zoo.load_decoder(NAME, root=root)(codes)
        for key, value in before[0].items():
            np.testing.assert_allclose(found[0][key], value, atol=1e-6)
        np.testing.assert_allclose(found[1], before[1], atol=1e-6)
        scores = zoo.load_scores(NAME, root=root)
        assert scores["mig"] == SCORES["mig"]
        assert scores["release"].items() >= {"version": version, "reexport": {"weights_of_version": 3}}.items()
        text = f"version {version}: the weights of version 3, exported again; version 3 on 2026-01-02 by"
        assert text in zoo.card(NAME, root=root)


def test_outputs_that_differ_leave_nothing_behind(root, monkeypatch):
    build = module.build_model

    def other(experiment, image_shape):
        model = build(experiment, image_shape)
        model.representation = lambda outputs: {"mean": outputs[:, :2] + 1e-3, "probabilities": outputs[:, 2:]}
        return model

    monkeypatch.setattr(module, "build_model", other)
    old = root / "saved_models" / NAME / "3"
    with pytest.raises(ValueError, match="Received: others, which differ by up to"):
        reexport(old, old.with_name("4"))
    assert [path.name for path in old.parent.iterdir()] == ["3"]


def test_an_export_without_its_experiment_or_onto_another_is_refused(root, tmp_path):
    old = root / "saved_models" / NAME / "3"
    with pytest.raises(FileExistsError, match="The next one is 4"):
        reexport(old, old)
    unknown = export_encoder(tiny.make("vae"), tmp_path / "unknown" / "1")
    with pytest.raises(ValueError, match="Expected an export that names its experiment"):
        reexport(unknown, tmp_path / "unknown" / "2")
    assert versions(tmp_path / "unknown") == [1]


def test_an_entry_may_have_no_decoder(root):
    shutil.rmtree(root / "saved_models" / f"{NAME}-decoder")
    assert reexport_entry(NAME, root=root) == 4
    assert not (root / "saved_models" / f"{NAME}-decoder").exists()
    assert zoo.load_encoder(NAME, root=root).latent_dim == 2
