"""Experiments of models with an adversary other than FactorVAE: run, interrupted, resumed and exported."""

import numpy as np
import pytest

from tests import tiny
from tfvae.export import export_encoder, load_saved_model
from tfvae.training.train import train

EXPERIMENTS = {  # AAE has the steps of PriorFactorVAE
    "aae": {"gamma": 5.0},
    "anica": {"gamma": 50.0},
    "joint_factor_vae": {"gamma": 5.0, "categories": 4, "temperature": 0.5},
}


def run(name, workdir, **changes):
    settings = {"architecture": "dense", "log_every": 2, "checkpoint_every": 2, "steps": 4} | changes
    experiment = tiny.experiment(model=name, parameters=EXPERIMENTS[name], **settings)
    return train(experiment, workdir, data=tiny.Blobs(), progress=False)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_run_resumes_as_if_it_had_not_stopped_and_is_exported(name, tmp_path):
    whole = run(name, tmp_path / "whole")
    run(name, tmp_path / "parts", steps=2)
    parts = run(name, tmp_path / "parts")
    np.testing.assert_array_equal(tiny.weights(whole), tiny.weights(parts))
    np.testing.assert_array_equal(tiny.optimizer_state(whole), tiny.optimizer_state(parts))
    images = np.float32(tiny.Blobs().images(np.arange(5)) / 255)
    expected = whole(images)
    outputs = load_saved_model(export_encoder(whole, tmp_path / "exported" / "1"))(images)
    assert set(outputs) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(outputs[key], value, atol=1e-5, err_msg=key)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    with pytest.raises(FloatingPointError, match="Training stopped between steps 0 and 2"):
        run("joint_factor_vae", tmp_path, optimizers={"optimizer": {"learning_rate": 1e30}})
