import dataclasses
import os

import keras
import numpy as np
import pytest

from tests import tiny
from tests.training.runs import ADAM, GANS, checkpoints, run, scalars, state
from tfvae.data import FactorSpace, GroundTruthData, labelled
from tfvae.data.batches import batches
from tfvae.experiment import Experiment
from tfvae.models import MODELS
from tfvae.models.build import build_model, completed


def test_a_run_equals_a_plain_loop_over_the_batches(uninterrupted):
    workdir, end = uninterrupted
    experiment, data = tiny.experiment(), tiny.Blobs()
    model, logs = build_model(experiment, (16, 16, 1)), []
    for batch in batches(data, 8, seed=experiment.seed, steps=8):
        model.reset_metrics()
        logs.append(model.train_on_batch(batch, return_dict=True))
    np.testing.assert_array_equal(state(model), end)
    shown = scalars(workdir)
    assert set(shown) == set(model.logged)
    for name, values in shown.items():
        # A log entry is the mean over the two steps up to it.
        expected = {step: (logs[step - 2][name] + logs[step - 1][name]) / 2 for step in (2, 4, 6, 8)}
        assert values == pytest.approx(expected, rel=1e-5, abs=1e-6), name


def test_a_run_writes_the_documented_files(uninterrupted):
    workdir, end = uninterrupted
    assert sorted(os.listdir(workdir)) == ["checkpoints", "experiment.json", "logs", "model.keras"]
    assert checkpoints(workdir) == [4, 8]
    assert Experiment.load(workdir / "experiment.json") == completed(tiny.experiment())
    np.testing.assert_array_equal(state(keras.models.load_model(workdir / "model.keras")), end)


# Steps and networks that are made in other ways; the other models' graphs are slow. A GAN's takes the longest.
OF_EACH_KIND = tiny.one_of_each("train_step", "network_makers", "paired")
IN_GRAPHS = [name if name in OF_EACH_KIND else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]


def assert_trains(name, workdir, steps, **settings):
    settings = {"parameters": {}, "optimizers": ADAM, "steps": 2 * steps, "checkpoint_every": 2 * steps} | settings
    model = run(tiny.experiment(model=name, log_every=steps, **settings), workdir)
    shown = scalars(workdir)
    losses = shown.get("reconstruction") or {step: -value for step, value in shown["mutual_information"].items()}
    assert losses[2 * steps] < losses[steps]
    np.testing.assert_array_equal(state(keras.models.load_model(workdir / "model.keras")), state(model))


@pytest.mark.parametrize("name", IN_GRAPHS)
def test_every_model_trains_with_the_networks_of_its_paper(name, tmp_path):
    assert_trains(name, tmp_path, 20, **{"architecture": None} | GANS.get(name, {}))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", [name for name in MODELS if name not in OF_EACH_KIND])
def test_every_other_model_trains(name, tmp_path):
    assert_trains(name, tmp_path, 4)


@pytest.mark.usefixtures("eager")
def test_arrays_train_as_image_data_do(tmp_path):
    pixels = tiny.Blobs().images(np.arange(40))
    settings = {"model": "vae", "parameters": {}, "optimizers": ADAM, "steps": 2}
    ends = [
        state(run(tiny.experiment(**settings), tmp_path / name, data=data))
        for name, data in {"data": tiny.Blobs(), "bytes": pixels, "floats": pixels / np.float32(255)}.items()
    ]
    for end in ends[1:]:
        np.testing.assert_array_equal(end, ends[0])


def _grid():
    factors = FactorSpace(["x", "y"], [range(8), range(5)])
    return GroundTruthData("grid", factors, tiny.Blobs().images(np.arange(40)))


@pytest.mark.usefixtures("eager")
def test_a_run_learns_from_the_labels_that_its_seed_draws(tmp_path):
    data = _grid()
    settings = {"model": "vae", "architecture": "dense", "parameters": {}, "optimizers": ADAM, "steps": 4}
    supervision = {"labels": 10, "weight": 5.0, "loss": "squared_error", "batch_size": 4}
    experiment = tiny.experiment(**settings, supervision=supervision, seed=3)
    whole = run(experiment, tmp_path / "whole", data=data)
    assert set(scalars(tmp_path / "whole")) == {*whole.logged, "supervision"}
    plain = build_model(experiment, (16, 16, 1))
    plain.supervise(*labelled(data, 10, seed=3), weight=5.0, loss="squared_error", batch_size=4)
    for batch in batches(data, 8, seed=3, steps=4):
        plain.train_on_batch(batch)
    np.testing.assert_allclose(state(plain), state(whole), rtol=1e-5, atol=1e-6)
    run(dataclasses.replace(experiment, steps=2, checkpoint_every=2), tmp_path / "run", data=data)
    np.testing.assert_array_equal(state(run(experiment, tmp_path / "run", data=data)), state(whole))


@pytest.mark.parametrize("name", ["vae", "info_gan"])
def test_labels_that_cannot_be_had_are_refused_before_anything_is_written(name, tmp_path):
    experiment = tiny.experiment(
        model=name, supervision={"labels": 10}, optimizers=ADAM, **GANS.get(name, {"parameters": {}})
    )
    with pytest.raises(ValueError, match=r"Expected (data with known factors|a VAE or another autoencoder)"):
        run(experiment, tmp_path / "run", data=tiny.Blobs() if name == "vae" else _grid())
    assert not (tmp_path / "run").exists()


def test_images_on_the_device_change_nothing(uninterrupted, mirrored, tmp_path):
    model = run(tiny.experiment(), tmp_path, resident=True)
    np.testing.assert_array_equal(state(model), uninterrupted[1])
    assert scalars(tmp_path) == scalars(uninterrupted[0])
    assert model.steps_per_execution == 1
    images = tiny.Blobs().images(np.arange(8)) / np.float32(255)
    assert model.evaluate(images, verbose=0, return_dict=True).keys() == set(model.logged)
    # XLA compiles these networks in a fifth of the time that convolutions take.
    settings = {"model": "vae", "parameters": {}, "optimizers": ADAM}
    fast = tiny.experiment(**settings, jit_compile=True, precision="mixed_bfloat16", steps=4)
    ends = [state(run(fast, tmp_path / f"fast_{here}", resident=here)) for here in (True, False)]
    np.testing.assert_array_equal(*ends)
    with pytest.raises(ValueError, match=r"one device.*Received: 2 replicas"):
        run(tiny.experiment(), tmp_path / "two", strategy=mirrored, resident=True)
    assert not (tmp_path / "two").exists()
