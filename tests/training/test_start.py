"""A training that starts with the weights of a trained model."""

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae import zoo
from tfvae.experiment import Experiment
from tfvae.export import Provenance, export_decoder, export_encoder
from tfvae.loading import load_to_train
from tfvae.models.build import build_model
from tfvae.training import start as module
from tfvae.training.start import fit_discriminator, start
from tfvae.training.train import train

SHAPE = (16, 16, 1)
IMAGES = tiny.images(48, shape=SHAPE)
EXPERIMENT = Experiment(
    "factor_vae", data="mnist", architecture="dense", latent_dim=3, batch_size=16, steps=4, log_every=2,
    checkpoint_every=2, discriminator={"depth": 1, "units": 16},
)  # fmt: skip
STILL = {name: {"learning_rate": 0.0} for name in ("optimizer", "discriminator_optimizer")}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(EXPERIMENT, folder, data=IMAGES, progress=False)
    return folder


@pytest.fixture(scope="module")
def root(run, tmp_path_factory):
    """A zoo of one entry, the run's model."""
    root = tmp_path_factory.mktemp("root")
    model = load_to_train(run)
    name = "factor_vae-tiny"
    provenance = Provenance(EXPERIMENT)
    export_encoder(model, root / "saved_models" / name / "1", provenance=provenance)
    export_decoder(model, root / "saved_models" / f"{name}-decoder" / "1", provenance=provenance)
    (root / "zoo" / name).mkdir(parents=True)
    EXPERIMENT.save(root / "zoo" / name / "experiment.json")
    (root / "zoo" / name / "scores.json").write_text("{}")
    return root


def same(first, second, names):
    return all(
        np.array_equal(one, two)
        for name in names
        for one, two in zip(getattr(first, name).get_weights(), getattr(second, name).get_weights(), strict=True)
    )


@pytest.mark.usefixtures("eager")
def test_the_first_step_has_the_weights_of_the_other_run(run, tmp_path):
    trained, experiment = load_to_train(run), dataclasses.replace(EXPERIMENT, optimizers=STILL, start_from=str(run))
    model = train(experiment, tmp_path / "new", data=IMAGES, progress=False, start_from=trained)
    assert same(model, trained, model.networks)
    assert not same(build_model(EXPERIMENT, SHAPE), trained, model.networks)
    assert Experiment.load(tmp_path / "new" / "experiment.json").start_from == str(run)
    # With checkpoints, the start is not used: it may be gone.
    further = dataclasses.replace(experiment, steps=6)
    assert same(train(further, tmp_path / "new", data=IMAGES, progress=False), trained, model.networks)


@pytest.mark.usefixtures("eager")
def test_an_entry_gives_its_model_without_its_discriminator(run, root, caplog):
    trained = load_to_train(run)
    with caplog.at_level(logging.WARNING):
        model = zoo.load_model("factor_vae-tiny", root=root)
    assert "do not hold its discriminator, which has new weights" in caplog.text
    assert same(model, trained, ("encoder", "decoder"))
    assert not same(model, trained, ("discriminator",))
    assert model.unfitted == ("discriminator",)
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0)["mean"], trained.predict(IMAGES, verbose=0)["mean"])
    before = model.get_weights()
    model.fit(IMAGES, batch_size=16, verbose=0)
    assert any((one != two).any() for one, two in zip(before, model.get_weights(), strict=True))


@pytest.mark.usefixtures("eager")
def test_a_discriminator_is_fitted_before_the_first_step(run, root, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(module, "_WINDOW", 10)
    source = zoo.load_model("factor_vae-tiny", root=root)
    untrained = source.discriminator.get_weights()
    experiment = dataclasses.replace(EXPERIMENT, optimizers=STILL, steps=2)
    with caplog.at_level(logging.WARNING):
        model = train(experiment, tmp_path / "new", data=IMAGES, progress=False, start_from=source)
    assert "Fitted the discriminator in" in caplog.text
    assert same(model, load_to_train(run), ("encoder", "decoder"))
    assert any((one != two).any() for one, two in zip(untrained, model.discriminator.get_weights(), strict=True))


@pytest.mark.parametrize("name", ["factor_vae", "joint_factor_vae", "aae"])
def test_a_discriminator_learns_to_tell_the_codes_of_a_frozen_encoder(name, monkeypatch):
    monkeypatch.setattr(module, "_WINDOW", 40)
    model = tiny.make(name)
    faster = model.optimizers | {"discriminator_optimizer": {"learning_rate": 2e-3}}
    monkeypatch.setattr(type(model), "optimizers", faster)
    # Two latents that are the same number: the discriminator can tell them from permuted ones and from the prior.
    kernel, bias = model.encoder.layers[-1].get_weights()
    kernel[:, :2] = 4 * kernel[:, :1]
    kernel[:, 3:6], bias[3:6] = 0, -4
    model.encoder.layers[-1].set_weights([kernel, bias])
    before = [*model.encoder.get_weights(), *model.decoder.get_weights()]
    losses = []
    found = fit_discriminator(
        model, tiny.images(64), batch_size=32, max_steps=400, report=lambda step, loss: losses.append(loss)
    )
    after = [*model.encoder.get_weights(), *model.decoder.get_weights()]
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)
    assert found["steps"] == 40 * len(losses)
    assert found["discriminator_loss"] == pytest.approx(losses[-1])
    assert losses[-1] < np.log(2) - 0.01
    assert found["discriminator_accuracy"] > 0.52
    assert len(losses) == 10 or losses[-1] > min(losses[:-1]) - 0.002
    assert all(later < min(losses[:place]) - 0.002 for place, later in enumerate(losses[:-1]) if place)


def test_starts_that_do_not_fit_are_refused(run):
    strategy, trained, model = tf.distribute.get_strategy(), load_to_train(run), build_model(EXPERIMENT, SHAPE)
    cases = {
        "Expected a FactorVAE to start from. Received: a VAE": (tiny.make("vae"), EXPERIMENT),
        "whose encoder has weights of shapes": (
            build_model(dataclasses.replace(EXPERIMENT, latent_dim=4), SHAPE),
            EXPERIMENT,
        ),
        r"Expected start_from=tfvae.loading.load_to_train\('a'\)": (
            None,
            dataclasses.replace(EXPERIMENT, start_from="a"),
        ),
    }
    before = model.get_weights()
    for message, (source, experiment) in cases.items():
        with pytest.raises(ValueError, match=message):
            start(model, source, IMAGES, experiment, strategy)
    trained.unfitted = ("encoder",)
    with pytest.raises(ValueError, match="an export of FactorVAE does not hold its encoder"):
        start(model, trained, IMAGES, EXPERIMENT, strategy)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match=r"Expected a model with an adversary\. Received: a VAE"):
        fit_discriminator(tiny.make("vae"), IMAGES)


def test_an_exported_encoder_alone_cannot_be_trained(root):
    with pytest.raises(
        ValueError, match=r"Expected a zoo entry, a run, a .keras file or a preset\. Received: .*, an exported"
    ):
        load_to_train(root / "saved_models" / "factor_vae-tiny" / "1")
