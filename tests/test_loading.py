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
from tfvae.training.train import train

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


def test_of_a_run_that_has_not_ended_the_last_checkpoint_is_taken(tmp_path, caplog):
    np.savez(tmp_path / "few.npz", images=np.zeros((8, 16, 16, 1), np.uint8))
    experiment = Experiment(
        model="vae", parameters={}, optimizers={}, discriminator={}, latent_dim=3, data=f"npz:{tmp_path / 'few.npz'}",
        batch_size=4, steps=2, log_every=2, checkpoint_every=2,
    )  # fmt: skip
    run = tmp_path / "run"
    train(experiment, run, progress=False)
    older = load_trained(run)
    (run / "model.keras").rename(tmp_path / "older.keras")
    train(Experiment(**{**vars(experiment), "steps": 4}), run, progress=False)
    newer = load_trained(run)
    assert "has not ended" not in caplog.text
    (run / "model.keras").unlink()
    Experiment(**{**vars(experiment), "steps": 5_000}).save(run / "experiment.json")
    images = np.ones((2, 16, 16, 1), np.float32)
    expected = newer.represent(images)["mean"]
    assert not np.array_equal(older.represent(images)["mean"], expected)
    for file in ("none", "older.keras"):  # the second time, beside the model of before it went on
        if (tmp_path / file).exists():
            (tmp_path / file).rename(run / "model.keras")
        caplog.clear()
        stopped = load_trained(run)
        assert "has not ended: this is its step 4 of 5000" in caplog.text
        assert (older.steps, newer.steps, stopped.steps) == (2, 4, 4)
        np.testing.assert_array_equal(stopped.represent(images)["mean"], expected)


def test_a_run_without_a_checkpoint_is_told(tmp_path):
    np.savez(tmp_path / "few.npz", images=np.zeros((8, 16, 16, 1), np.uint8))
    Experiment("vae", data=f"npz:{tmp_path / 'few.npz'}").save(tmp_path / "experiment.json")
    with pytest.raises(FileNotFoundError, match=r"Expected a run with checkpoints or model\.keras"):
        load_trained(tmp_path)


def test_a_model_of_another_library_is_refused(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"Expected a model of tfvae\. Received: a Sequential"):
        load_trained(tmp_path / "other.keras")


def test_data_is_named_or_that_of_the_training(monkeypatch):
    monkeypatch.setattr(data, "load", lambda name: name)
    alone, trained = (Trained(None, (16, 16, 1), experiment=e) for e in (None, Experiment("vae", data="shapes3d")))
    assert (alone.load_data("faces"), trained.load_data("faces"), trained.load_data()) == ("faces", "faces", "shapes3d")
    with pytest.raises(ValueError, match="--data"):
        alone.load_data()
