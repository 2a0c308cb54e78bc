import dataclasses
import logging
import shutil
import zipfile

import keras
import numpy as np
import pytest

from tests import tiny
from tfvae import data, zoo
from tfvae.codes import Capabilities
from tfvae.data import FactorSpace, GroundTruthData
from tfvae.evaluation import evaluate
from tfvae.experiment import Experiment
from tfvae.export import export_decoder, export_encoder
from tfvae.loading import Trained, load, load_checkpointed
from tfvae.metrics import QUICK
from tfvae.models import MODELS, VAE
from tfvae.training.train import train

PIXELS = np.random.default_rng(1).integers(0, 256, (48, *tiny.SHAPE), np.uint8)
IMAGES = np.random.default_rng(0).random((3, *tiny.SHAPE), np.float32)


def run_of(folder):
    """A VAE on eight images in few.npz."""
    np.savez(folder / "few.npz", images=np.zeros((8, 16, 16, 1), np.uint8))
    return tiny.experiment(
        model="vae", parameters={}, optimizers={}, discriminator={}, latent_dim=3, data=f"npz:{folder / 'few.npz'}",
        batch_size=4, steps=2, log_every=2, checkpoint_every=2,
    )  # fmt: skip


def test_a_keras_file_and_its_export_represent_alike(tmp_path):
    model = tiny.make("factor_vae")
    model.save(tmp_path / "model.keras")
    export_encoder(model, tmp_path / "model" / "1")
    from_folder, from_file, exported = (load(tmp_path / name) for name in ("", "model.keras", "model/1"))
    for trained in (from_folder, from_file, exported):
        assert trained.image_shape == tiny.SHAPE
        for name, expected in model.predict(IMAGES, verbose=0).items():
            np.testing.assert_allclose(trained.represent(IMAGES)[name], expected, atol=1e-6)
    assert exported.model is None
    few = GroundTruthData("few", FactorSpace(("a", "b"), (np.arange(6), np.arange(8))), PIXELS)
    scores = [evaluate(trained, few, metrics=["factor_vae"], parameters=QUICK) for trained in (from_file, exported)]
    assert scores[0]["factor_vae"] == scores[1]["factor_vae"]
    assert scores[0]["kl"]["total"] == pytest.approx(scores[1]["kl"]["total"], rel=1e-5)
    assert scores[0]["reconstruction"]["nats"] > 0
    assert "reconstruction" not in scores[1]
    assert from_file.model.gamma == model.gamma


@pytest.mark.parametrize("name", ["nothing", "nothing.keras"])
def test_a_missing_source_is_an_error(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a"):
        load(tmp_path / name)


def test_the_latest_checkpoint_of_an_unfinished_run_is_used(tmp_path, caplog):
    experiment, run = run_of(tmp_path), tmp_path / "run"
    train(experiment, run, progress=False)
    older = load(run)
    (run / "model.keras").rename(tmp_path / "older.keras")
    train(dataclasses.replace(experiment, steps=4), run, progress=False)
    newer = load(run)
    assert "has not ended" not in caplog.text
    (run / "model.keras").unlink()
    dataclasses.replace(experiment, steps=5_000).save(run / "experiment.json")
    images = np.ones((2, 16, 16, 1), np.float32)
    expected = newer.represent(images)["mean"]
    assert not np.array_equal(older.represent(images)["mean"], expected)
    for file in ("none", "older.keras"):  # the second time, next to the model of the run before it was resumed
        if (tmp_path / file).exists():
            (tmp_path / file).rename(run / "model.keras")
        caplog.clear()
        stopped = load(run)
        assert "has not ended: this is its step 4 of 5000" in caplog.text
        assert (older.steps, newer.steps, stopped.steps) == (2, 4, 4)
        np.testing.assert_array_equal(stopped.represent(images)["mean"], expected)
    np.testing.assert_array_equal(load_checkpointed(run, (16, 16, 1)).represent(images)["mean"], expected)


def test_a_run_without_a_checkpoint_is_an_error(tmp_path):
    run_of(tmp_path).save(tmp_path / "experiment.json")
    with pytest.raises(FileNotFoundError, match=r"Expected a run with checkpoints or model\.keras"):
        load(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    path = tmp_path_factory.mktemp("kept") / "model.keras"
    tiny.make("vae").save(path)
    return path


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[" * 100_000, b"\x89HDF\r\n\x1a\n"])
def test_a_keras_file_with_a_damaged_part_is_named(kept, name, content, tmp_path):
    damaged = tmp_path / "damaged.keras"
    with zipfile.ZipFile(kept) as source, zipfile.ZipFile(damaged, "w") as target:
        for part in source.namelist():
            if part != name:
                target.writestr(part, source.read(part))
            elif content is not None:
                target.writestr(part, content)
    with pytest.raises(ValueError, match=r"that Keras can load\. Received: .*damaged\.keras: "):
        load(damaged)


def test_a_keras_file_that_is_cut_off_is_named(kept, tmp_path):
    cut = tmp_path / "cut.keras"
    for size in (0, 100, kept.stat().st_size - 10):
        cut.write_bytes(kept.read_bytes()[:size])
        with pytest.raises(ValueError, match=r"Expected a \.keras file, a zip archive\. Received: .*cut\.keras, which"):
            load(cut)


def test_a_keras_file_of_an_unknown_class_says_how_to_make_it_known(tmp_path):
    class Unknown(VAE):
        pass

    model = Unknown(tiny.encoder(), tiny.decoder())
    model.compile()
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"model\.keras: Could not locate class 'Unknown'\. Import .*--import=MODULE$"):
        load(tmp_path / "model.keras")


def test_a_model_of_another_library_is_refused(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"Expected a model of tfvae\. Received: a Sequential"):
        load(tmp_path / "other.keras")


def test_data_are_named_or_those_of_the_training(monkeypatch):
    monkeypatch.setattr(data, "load", lambda name: name)
    experiments = (None, Experiment(model="vae", data="shapes3d"))
    alone, trained = (Trained(None, (16, 16, 1), experiment=experiment) for experiment in experiments)
    assert (alone.load_data("faces"), trained.load_data("faces"), trained.load_data()) == ("faces", "faces", "shapes3d")
    with pytest.raises(ValueError, match="--data"):
        alone.load_data()


def test_a_loaded_model_can_do_what_its_class_declares():
    model = tiny.make("info_gan")
    able = Trained(model, tiny.SHAPE, model).capabilities()
    assert able.represent is model
    assert (able.log_likelihood, able.noise_dim, able.traversal_range) == (None, 62, 1.0)
    codes, noise = able.prior_draws(4, 0)
    np.testing.assert_array_equal(able.decode(codes, noise), model.decode(codes, noise))


@pytest.mark.parametrize("name", tiny.by_representation())
def test_exports_of_every_model_are_loaded_together(name, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    model = tiny.make(name)
    encoder = export_encoder(model, tmp_path / "model" / "3")
    decoder = export_decoder(model, tmp_path / "model-decoder" / "3")
    trained = load(encoder)
    able = trained.capabilities()
    assert f"is {decoder}" in caplog.text
    assert (trained.exported, trained.decoder.path) == (encoder, decoder)
    assert (able.image_shape, able.traversal_range) == (tiny.SHAPE, model.traversal_range)
    assert able.log_likelihood is able.prior_draws is None
    codes = model(IMAGES)
    assert set(able.represent(IMAGES)) == set(codes)
    for output, expected in codes.items():
        np.testing.assert_allclose(able.represent(IMAGES)[output], expected, atol=1e-5)
    z = np.concatenate([np.asarray(codes[key]) for key in ("mean", "probabilities") if key in codes], axis=1)
    np.testing.assert_allclose(able.decode(z), model.decode(z), atol=1e-5)
    assert (trained.source_of("encoder"), trained.source_of("decoder")) == (encoder, decoder)


def test_a_decoder_has_the_version_and_sizes_of_the_encoder_and_is_verified(tmp_path, caplog):
    model = tiny.make("vae")
    encoder = export_encoder(model, tmp_path / "model" / "3")
    assert load(encoder).capabilities().decode is None
    decoder = export_decoder(model, tmp_path / "model-decoder" / "4")
    assert load(encoder).decoder is None
    decoder = decoder.rename(decoder.with_name("3"))
    assert load(encoder).decoder.path == decoder
    content = (decoder / "saved_model.pb").read_bytes()
    (decoder / "saved_model.pb").write_bytes(content + b" ")
    with pytest.raises(ValueError, match=r"model-decoder/3/saved_model\.pb as manifest\.json describes it"):
        load(encoder)
    (decoder / "saved_model.pb").write_bytes(content)
    (decoder / "manifest.json").unlink()  # as other libraries write it
    assert load(encoder).decoder.path == decoder
    shutil.rmtree(decoder)
    export_decoder(tiny.make("joint_factor_vae"), decoder)
    assert load(encoder).decoder is None
    assert "is not the decoder of" in caplog.text


def test_an_entry_of_the_zoo_has_its_decoder():
    name = "info_wgan_gp-mnist"
    trained = load(name)
    able = trained.capabilities()
    assert trained.experiment == zoo.load_experiment(name)
    assert trained.steps == 50_000
    assert able.traversal_range == MODELS["info_wgan_gp"].traversal_range != Capabilities.traversal_range
    codes = np.zeros((1, trained.decoder.latent_dim + trained.decoder.categories), np.float32)
    codes[:, -1] = 1
    np.testing.assert_array_equal(able.decode(codes), zoo.load_decoder(name)(codes))
    assert trained.exported == zoo.load_encoder(name).path
