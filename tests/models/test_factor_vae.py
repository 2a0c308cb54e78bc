from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference, tiny
from tfvae.models import FactorVAE

X = tiny.images(16)


def sgd(rate, rate_of_discriminator):
    return {
        "optimizer": keras.optimizers.SGD(rate),
        "discriminator_optimizer": keras.optimizers.SGD(rate_of_discriminator),
    }


def matrices(network):
    return [weight.numpy() for weight in network.weights]


def vector(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


@pytest.mark.parametrize("standardised", [False, True])
def test_training_equals_algorithm_2_written_out(standardised):
    model = tiny.make(
        gamma=7.0,
        standardised=standardised,
        seed=5,
        optimizers={
            "optimizer": keras.optimizers.Adam(3e-3, beta_1=0.9, beta_2=0.999),
            "discriminator_optimizer": keras.optimizers.Adam(1e-2, beta_1=0.5, beta_2=0.9),
        },
    )
    by_hand = reference.FactorVAE(
        matrices(model.encoder),
        matrices(model.decoder),
        matrices(model.discriminator),
        gamma=7.0,
        update=reference.Adam(3e-3, 0.9, 0.999),
        update_discriminator=reference.Adam(1e-2, 0.5, 0.9),
        **({"seen": reference.standardised} if standardised else {}),
    )
    for step in range(3):
        images = tiny.images(16, seed=step)
        noise, noise_of_others = (tf.random.stateless_normal([8, tiny.DIM], model.step_seed(i)).numpy() for i in (0, 1))
        keys = tf.random.stateless_uniform([8, tiny.DIM], model.step_seed(stream=2)).numpy()
        by_hand.step(images[0::2], noise, images[1::2], noise_of_others, keys)
        model.train_on_batch(images)
    np.testing.assert_allclose(tiny.weights(model, "encoder", "decoder"), vector(by_hand.theta), atol=2e-6)
    np.testing.assert_allclose(tiny.weights(model, "discriminator"), vector(by_hand.psi), atol=2e-6)


@pytest.mark.usefixtures("eager")
def test_standardised_codes_have_neither_a_place_nor_a_width():
    model = tiny.make(standardised=True)
    z = np.random.default_rng(0).normal(size=(50, tiny.DIM)).astype(np.float32)
    np.testing.assert_allclose(model.judge(z), model.judge(3 * z + [5, -7, 0]), atol=2e-2)
    with tf.GradientTape() as tape:
        tape.watch(shift := tf.zeros([tiny.DIM]))
        loss = tf.reduce_sum(model.judge(z + shift) ** 2)
    np.testing.assert_allclose(tape.gradient(loss, shift), 0, atol=1e-4)


@pytest.mark.usefixtures("eager")
def test_codes_are_standardised_over_the_batch_of_all_replicas(copying):
    models = [tiny.make(standardised=True, scope=scope) for scope in (nullcontext, copying.scope)]
    for model in models:
        model.fit(X, batch_size=16, shuffle=False, verbose=0)
    np.testing.assert_allclose(*map(tiny.weights, models), atol=2e-6)


def test_default_optimizers_are_the_papers():
    model = FactorVAE(tiny.encoder(), tiny.decoder(), tiny.discriminator())
    model.compile()
    configs = [optimizer.get_config() for optimizer in (model.optimizer, model.discriminator_optimizer)]
    assert [(c["beta_1"], c["beta_2"]) for c in configs] == [(0.9, 0.999), (0.5, 0.9)]
    assert [c["learning_rate"] for c in configs] == pytest.approx([1e-4, 1e-4])


@pytest.mark.usefixtures("eager")
def test_discriminator_step_leaves_the_autoencoder_alone():
    model = tiny.make(optimizers=sgd(0.0, 1e-2))
    before = {name: tiny.weights(model, name) for name in model.networks}
    model.fit(X, verbose=0)
    np.testing.assert_array_equal(before["encoder"], tiny.weights(model, "encoder"))
    np.testing.assert_array_equal(before["decoder"], tiny.weights(model, "decoder"))
    assert np.abs(before["discriminator"] - tiny.weights(model, "discriminator")).max() > 1e-5


@pytest.mark.usefixtures("eager")
def test_autoencoder_step_leaves_the_discriminator_alone():
    results = {}
    for gamma in (0.0, 10.0):
        model = tiny.make(gamma=gamma, optimizers=sgd(1e-3, 0.0))
        before = {name: tiny.weights(model, name) for name in model.networks}
        model.train_on_batch(X)
        np.testing.assert_array_equal(before["discriminator"], tiny.weights(model, "discriminator"))
        results[gamma] = {name: tiny.weights(model, name) for name in model.networks}
    # Within a step gamma reaches the encoder, but not the decoder.
    assert np.abs(results[0.0]["encoder"] - results[10.0]["encoder"]).max() > 1e-5
    np.testing.assert_array_equal(results[0.0]["decoder"], results[10.0]["decoder"])


def test_penalty_lowers_the_total_correlation_that_the_discriminator_sees():
    def total_correlation(gamma):
        model = tiny.make(gamma=gamma, optimizers=sgd(1e-2, 0.0))
        model.fit(np.concatenate([X] * 30), batch_size=16, shuffle=False, verbose=0)
        return model.evaluate(X, verbose=0, return_dict=True)["total_correlation"]

    assert total_correlation(10.0) < total_correlation(0.0) - 0.1


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", ["factor_vae", "prior_factor_vae", "aae"])
def test_the_penalty_warms_up_by_the_optimizers_steps(name, tmp_path):
    model = tiny.make(name, gamma=4.0, warmup_steps=2)
    for weight in (0.0, 2.0, 4.0):
        model.reset_metrics()
        logs = model.train_on_batch(X, return_dict=True)
        others = logs["reconstruction"] + (0.0 if name == "aae" else logs["kl"])
        penalty = logs["total_correlation" if name == "factor_vae" else "prior_divergence"]
        assert logs["loss"] == pytest.approx(others + weight * penalty, rel=1e-5)
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").warmup_steps == 2


def test_discriminator_learns_to_tell_dependent_codes_from_permuted_ones():
    # All images are one grey, so that all latents move together.
    greys = np.linspace(0, 1, 128, dtype=np.float32)[:, np.newaxis, np.newaxis, np.newaxis] * np.ones_like(X[:1])
    adam = keras.optimizers.Adam(3e-2)
    model = tiny.without_noise(tiny.make(optimizers=sgd(0.0, 0.0) | {"discriminator_optimizer": adam}))
    first = model.evaluate(greys, batch_size=128, verbose=0, return_dict=True)
    model.fit(tf.data.Dataset.from_tensors(greys).repeat(60), shuffle=False, verbose=0)
    last = model.evaluate(greys, batch_size=128, verbose=0, return_dict=True)
    assert last["discriminator_loss"] < np.log(2) - 0.1 < first["discriminator_loss"]
    assert last["discriminator_accuracy"] > 0.65
    assert last["total_correlation"] > first["total_correlation"] + 0.2


@pytest.mark.usefixtures("eager")
def test_evaluate_gives_the_terms_of_a_batch():
    model = tiny.without_noise(tiny.make(gamma=4.0, seed=2))
    before = tiny.weights(model), tiny.optimizer_state(model)
    keys = tf.random.stateless_uniform([15, tiny.DIM], model.test_seed(stream=2)).numpy()
    # An odd number, which evaluate takes, as it needs one batch alone.
    results = model.evaluate(X[:15], batch_size=15, verbose=0, return_dict=True)
    z = model(X[:15])["mean"].numpy()
    logits, permuted = (np.float64(model.discriminator(codes)) for codes in (z, reference.permute_dims(z, keys)))
    d, d_permuted = (np.exp(out[:, 0]) / np.exp(out).sum(axis=1) for out in (logits, permuted))
    expected = {
        "total_correlation": np.mean(np.log(d) - np.log(1 - d)),
        "discriminator_loss": -0.5 * np.mean(np.log(d) + np.log(1 - d_permuted)),
        "discriminator_accuracy": (np.mean(d > 0.5) + np.mean(d_permuted < 0.5)) / 2,
    }
    assert set(results) == set(FactorVAE.logged)
    for name, value in expected.items():
        assert results[name] == pytest.approx(value, abs=1e-4), name
    terms = results["reconstruction"] + results["kl"] + 4.0 * results["total_correlation"]
    assert results["loss"] == pytest.approx(terms, rel=1e-4)
    np.testing.assert_array_equal(before[0], tiny.weights(model))
    np.testing.assert_array_equal(before[1], tiny.optimizer_state(model))


@pytest.mark.usefixtures("eager")
def test_evaluate_weighs_an_odd_last_batch_by_its_images():
    model = tiny.without_noise(tiny.make())
    whole = model.evaluate(X, batch_size=16, verbose=0, return_dict=True)
    # 16 = 5 + 5 + 5 + 1; what is permuted depends on the batches.
    parts = model.evaluate(X, batch_size=5, verbose=0, return_dict=True)
    for name in ("loss", "reconstruction", "kl", "total_correlation"):
        assert parts[name] == pytest.approx(whole[name], rel=1e-4, abs=1e-5), name


@pytest.mark.usefixtures("eager")
def test_an_odd_last_batch_of_fit_leaves_one_image_out():
    odd, even = tiny.make(), tiny.make()
    odd.fit(X[:13], batch_size=8, shuffle=False, verbose=0)
    even.fit(X[:12], batch_size=8, shuffle=False, verbose=0)
    np.testing.assert_array_equal(tiny.weights(odd), tiny.weights(even))


def test_arguments_that_do_not_fit_are_refused():
    networks = tiny.encoder(), tiny.decoder()
    with pytest.raises(ValueError, match=r"discriminator \[B, 3\] -> \[B, 2\].* Received: \(None, 5\) -> \(None, 2\)"):
        FactorVAE(*networks, tiny.discriminator(dim=5))
    one_logit = keras.Sequential([keras.Input((tiny.DIM,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"Received: \(None, 3\) -> \(None, 1\)"):
        FactorVAE(*networks, one_logit)
    with pytest.raises(ValueError, match=r"at least 0\. Received: gamma=-0\.5"):
        FactorVAE(*networks, tiny.discriminator(), gamma=-0.5)
    with pytest.raises(ValueError, match=r"at least 0\. Received: gamma=35\.0, warmup_steps=-1"):
        FactorVAE(*networks, tiny.discriminator(), warmup_steps=-1)
    with pytest.raises(ValueError, match=r"standardised to be True or False\. Received: standardised='no'"):
        FactorVAE(*networks, tiny.discriminator(), standardised="no")
