"""Experiments of models with an adversary other than FactorVAE: run, interrupted and resumed."""

import numpy as np
import pytest

from tests import tiny
from tfvae.training.train import train

EXPERIMENTS = {  # AAE has the steps of PriorFactorVAE
    "aae": {"gamma": 5.0},
    "anica": {"gamma": 50.0},
    "joint_factor_vae": {"gamma": 5.0, "categories": 4, "temperature": 0.5},
}


def run(name, workdir, **changes):
    settings = {"architecture": "dense", "log_every": 1, "checkpoint_every": 1, "steps": 2} | changes
    experiment = tiny.experiment(model=name, parameters=EXPERIMENTS[name], **settings)
    return train(experiment, workdir, data=tiny.Blobs(), progress=False)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_run_resumes_as_if_it_had_not_stopped(name, tmp_path):
    whole = run(name, tmp_path / "whole")
    run(name, tmp_path / "parts", steps=1)
    parts = run(name, tmp_path / "parts")
    np.testing.assert_array_equal(tiny.weights(whole), tiny.weights(parts))
    np.testing.assert_array_equal(tiny.optimizer_state(whole), tiny.optimizer_state(parts))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    with pytest.raises(FloatingPointError, match="Training stopped between steps 0 and 1"):
        run("joint_factor_vae", tmp_path, optimizers={"optimizer": {"learning_rate": 1e30}})
