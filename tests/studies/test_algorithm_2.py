"""The steps that studies/algorithm_2.json compares with FactorVAE's."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest

import tfvae
from tests import tiny
from tfvae.codes import Codes
from tfvae.data import ImageData
from tfvae.metrics import METRICS

X = tiny.images(16)
ARMS = "factor_vae_both_before", "factor_vae_both_after"
pytestmark = pytest.mark.usefixtures("own_registrations", "eager")


@pytest.fixture(autouse=True)
def arms(own_registrations):
    path = Path(__file__).parents[2] / "studies" / "algorithm_2" / "arms.py"
    spec = importlib.util.spec_from_file_location("algorithm_2.arms", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def stepped(name, rate, rate_of_discriminator, steps=1):
    """The weights of the autoencoder and of the discriminator after steps of plain gradient descent."""
    model = tfvae.create(
        name, tiny.SHAPE, latent_dim=2, architecture="dense", discriminator={"depth": 1, "units": 8}, gamma=5.0
    )
    model.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate_of_discriminator))
    for _ in range(steps):
        model.train_on_batch(X)
    return tiny.weights(model, "encoder", "decoder"), tiny.weights(model, "discriminator")


@pytest.mark.parametrize("name", ARMS)
def test_the_order_changes_neither_network_while_the_other_stands_still(name):
    printed = stepped("factor_vae", 0.1, 0.0), stepped("factor_vae", 0.0, 0.1)
    found = stepped(name, 0.1, 0.0), stepped(name, 0.0, 0.1)
    np.testing.assert_allclose(found[0][0], printed[0][0], atol=1e-6)
    np.testing.assert_allclose(found[1][1], printed[1][1], atol=1e-6)
    assert np.abs(stepped(name, 0.1, 0.1)[0] - stepped(name, 0.0, 0.1)[0]).max() > 1e-3


def test_both_batches_are_encoded_before_the_update_after_it_or_one_on_each_side():
    still = stepped("factor_vae", 0.0, 0.1)[1]
    after = {name: stepped(name, 0.1, 0.1)[1] for name in ("factor_vae", *ARMS)}
    np.testing.assert_allclose(after["factor_vae_both_before"], still, atol=1e-6)
    for name in ("factor_vae", "factor_vae_both_after"):
        assert np.abs(after[name] - still).max() > 1e-4
    assert np.abs(after["factor_vae"] - after["factor_vae_both_after"]).max() > 1e-4


def test_what_the_means_drift_and_what_the_latents_carry():
    mean = np.random.default_rng(0).normal([2.0, 0.0], [0.0, 1.0], size=[5_000, 2])
    log_variance = np.log(np.tile([1.0, 0.01], (5_000, 1)))
    codes = Codes.from_arrays(ImageData("blank", np.zeros([5_000, 2, 2, 1], np.uint8)), mean, log_variance)
    score = {name: METRICS[name].function(codes, np.random.default_rng(0)) for name in ("displacement", "information")}
    assert score["displacement"]["score"] == pytest.approx(2.0, abs=2e-3)
    assert score["information"]["score"] == pytest.approx(0.5 * np.log(101), abs=0.02)
