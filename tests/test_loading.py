import keras
import numpy as np
import pytest

from tests import tiny
from tfvae import data
from tfvae.data import FactorSpace, GroundTruthData
from tfvae.evaluation import QUICK, evaluate
from tfvae.experiment import Experiment
from tfvae.export import export_encoder
from tfvae.loading import Trained, load_trained

PIXELS = np.random.default_rng(1).integers(0, 256, (48, *tiny.SHAPE), np.uint8)
IMAGES = np.random.default_rng(0).random((3, *tiny.SHAPE), np.float32)


def test_a_keras_file_and_its_export_represent_alike(tmp_path):
    model = tiny.make("factor_vae")
    model.save(tmp_path / "model.keras")
    export_encoder(model, tmp_path / "model" / "1")
    from_folder, from_file, exported = (load_trained(tmp_path / name) for name in ("", "model.keras", "model/1"))
    for trained in (from_folder, from_file, exported):
        assert trained.image_shape == tiny.SHAPE
        for name, expected in model.predict(IMAGES, verbose=0).items():
            np.testing.assert_allclose(trained.represent(IMAGES)[name], expected, atol=1e-6)
    assert exported.model is None
    few = GroundTruthData("few", FactorSpace(("a", "b"), (np.arange(6), np.arange(8))), PIXELS)
    scores = [
        evaluate(trained.represent, few, metrics=["factor_vae"], parameters=QUICK) for trained in (from_file, exported)
    ]
    assert scores[0]["factor_vae"] == scores[1]["factor_vae"]
    assert scores[0]["kl"]["total"] == pytest.approx(scores[1]["kl"]["total"], rel=1e-5)
    assert from_file.model.gamma == model.gamma


@pytest.mark.parametrize("name", ["nothing", "nothing.keras"])
def test_what_does_not_exist_is_told(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a"):
        load_trained(tmp_path / name)


def test_a_run_that_has_not_ended_is_told(tmp_path):
    (tmp_path / "experiment.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"holds no model\.keras yet"):
        load_trained(tmp_path)


def test_a_model_of_another_library_is_refused(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"Expected a model of tfvae\. Received: a Sequential"):
        load_trained(tmp_path / "other.keras")


def test_data_is_named_or_that_of_the_training(monkeypatch):
    monkeypatch.setattr(data, "load", lambda name: name)
    alone, trained = (Trained(None, (16, 16, 1), experiment=e) for e in (None, Experiment(data="shapes3d")))
    assert (alone.load_data("faces"), trained.load_data("faces"), trained.load_data()) == ("faces", "faces", "shapes3d")
    with pytest.raises(ValueError, match="--data"):
        alone.load_data()
