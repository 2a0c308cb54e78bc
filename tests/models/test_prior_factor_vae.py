import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference, tiny
from tfvae.models import AAE, PriorFactorVAE

X = tiny.images(16)
NAMES = ["prior_factor_vae", "aae"]
each = pytest.mark.parametrize("name", NAMES)


def matrices(network):
    return [weight.numpy() for weight in network.weights]


def sgd(rate, rate_of_discriminator):
    return {
        "optimizer": keras.optimizers.SGD(rate),
        "discriminator_optimizer": keras.optimizers.SGD(rate_of_discriminator),
    }


@each
def test_training_equals_the_objective_written_out(name):
    model = tiny.make(
        name,
        gamma=7.0,
        seed=5,
        optimizers={
            "optimizer": keras.optimizers.Adam(3e-3, beta_1=0.9, beta_2=0.999),
            "discriminator_optimizer": keras.optimizers.Adam(1e-2, beta_1=0.5, beta_2=0.9),
        },
    )
    by_hand = reference.PriorFactorVAE(
        *(matrices(network) for network in (model.encoder, model.decoder, model.discriminator)),
        gamma=7.0,
        beta={"prior_factor_vae": 1.0, "aae": 0.0}[name],
        update=reference.Adam(3e-3, 0.9, 0.999),
        update_discriminator=reference.Adam(1e-2, 0.5, 0.9),
    )
    for step in range(3):
        images = tiny.images(16, seed=step)
        by_hand.step(images, *(tf.random.stateless_normal([16, tiny.DIM], model.step_seed(i)).numpy() for i in (0, 1)))
        model.train_step(tf.constant(images))
    for names, weights in ((("encoder", "decoder"), by_hand.theta), (("discriminator",), by_hand.psi)):
        expected = np.concatenate([np.ravel(w) for w in weights])
        np.testing.assert_allclose(tiny.weights(model, *names), expected, atol=2e-6)


def test_without_penalty_it_is_a_vae_on_the_whole_batch():
    vae, model = tiny.make("vae"), tiny.make("prior_factor_vae", gamma=0.0)
    for images in tf.split(X, 2):
        vae.train_step(images)
        model.train_step(images)
    np.testing.assert_allclose(tiny.weights(vae), tiny.weights(model, "encoder", "decoder"), atol=1e-7)


@each
def test_each_optimizer_moves_its_own_networks_alone(name):
    for frozen, rates in ((("encoder", "decoder"), (0.0, 1e-2)), (("discriminator",), (1e-3, 0.0))):
        model = tiny.make(name, gamma=10.0, optimizers=sgd(*rates))
        before = {network: tiny.weights(model, network) for network in model.networks}
        model.train_step(tf.constant(X))
        for network in model.networks:
            moved = np.abs(before[network] - tiny.weights(model, network)).max()
            assert moved == 0 if network in frozen else moved > 1e-5, network


@each
def test_evaluate_gives_the_terms_of_a_batch(name):
    model = tiny.without_noise(tiny.make(name, gamma=4.0, seed=2))
    prior = tf.random.stateless_normal([15, tiny.DIM], model.test_seed(stream=1))
    results = model.evaluate(X[:15], batch_size=15, verbose=0, return_dict=True)
    logits, of_prior = (np.float64(model.discriminator(codes)) for codes in (model(X[:15])["mean"], prior))
    d, d_prior = (np.exp(out[:, 0]) / np.exp(out).sum(axis=1) for out in (logits, of_prior))
    expected = {
        "prior_divergence": np.mean(np.log(d) - np.log(1 - d)),
        "discriminator_loss": -0.5 * np.mean(np.log(d) + np.log(1 - d_prior)),
        "discriminator_accuracy": (np.mean(d > 0.5) + np.mean(d_prior < 0.5)) / 2,
    }
    for key, value in expected.items():
        assert results[key] == pytest.approx(value, abs=1e-4), key
    kl = 0.0 if name == "aae" else results["kl"]
    terms = results["reconstruction"] + kl + 4.0 * results["prior_divergence"]
    assert results["loss"] == pytest.approx(terms, rel=1e-4)


@pytest.mark.parametrize("cls", [PriorFactorVAE, AAE])
def test_a_negative_gamma_is_refused(cls):
    with pytest.raises(ValueError, match=r"at least 0\. Received: gamma=-0\.5"):
        cls(tiny.encoder(), tiny.decoder(), tiny.discriminator(), gamma=-0.5)
