import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference, tiny
from tfvae.models import Anica

X = tiny.images(16)


def matrices(network):
    return [np.float64(weight.numpy()) for weight in network.weights]


def terms_by_hand(encoder, decoder, discriminator, keys):
    """The means of the terms on X with permutations that sort `keys`, from matrices, float64."""

    def two_layers(x, weights, slope):
        w1, b1, w2, b2 = weights
        return reference.leaky_relu(x @ w1 + b1, slope) @ w2 + b2

    z = two_layers(np.float64(X).reshape(len(X), -1), encoder, 0.0)
    logits = two_layers(z, decoder, 0.0)
    u = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-3)
    outputs = [two_layers(codes, discriminator, 0.2) for codes in (u, reference.permute_dims(u, keys))]
    d, d_permuted = (np.exp(out[:, 0]) / np.exp(out).sum(axis=1) for out in outputs)
    return {
        "reconstruction": -np.mean([reference.bernoulli_log_prob(x, row) for x, row in zip(X, logits, strict=True)]),
        "jensen_shannon": np.log(2) + np.mean(np.log(d)) / 2 + np.mean(np.log(1 - d_permuted)) / 2,
        "discriminator_loss": -np.mean(np.log(d)) / 2 - np.mean(np.log(1 - d_permuted)) / 2,
        "discriminator_accuracy": (np.mean(d > 0.5) + np.mean(d_permuted < 0.5)) / 2,
    }


def test_evaluate_gives_the_terms_of_a_batch():
    model = tiny.make("anica", gamma=4.0, seed=2)
    keys = tf.random.stateless_uniform([len(X), tiny.DIM], model.test_seed(stream=0)).numpy()
    results = model.evaluate(X, batch_size=16, verbose=0, return_dict=True)
    expected = terms_by_hand(*(matrices(getattr(model, name)) for name in model.networks), keys)
    expected["loss"] = expected["reconstruction"] + 4.0 * expected["jensen_shannon"]
    assert results == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_step_descends_the_gradients_of_both_players():
    # At rate 1, a step of gradient descent takes the gradient away from the weights. It is compared with the slope of
    # the loss that is written out, along one direction for each network.
    rates = {"optimizer": keras.optimizers.SGD(1.0), "discriminator_optimizer": keras.optimizers.SGD(1.0)}
    model = tiny.make("anica", gamma=30.0, optimizers=rates)
    before = [matrices(getattr(model, name)) for name in model.networks]
    keys = tf.random.stateless_uniform([len(X), tiny.DIM], model.step_seed(stream=0)).numpy()
    model.train_step(tf.constant(X))
    rng, step = np.random.default_rng(0), 1e-6
    for place, name in enumerate(model.networks):
        direction = [rng.normal(size=w.shape) for w in before[place]]
        values = []
        for sign in (1, -1):
            moved = list(before)
            moved[place] = [w + sign * step * v for w, v in zip(before[place], direction, strict=True)]
            terms = terms_by_hand(*moved, keys)
            loss = terms["reconstruction"] + 30.0 * terms["jensen_shannon"]
            values.append(terms["discriminator_loss"] if name == "discriminator" else loss)
        slope = (values[0] - values[1]) / (2 * step)
        changes = zip(before[place], matrices(getattr(model, name)), direction, strict=True)
        assert sum(np.sum((old - new) * v) for old, new, v in changes) == pytest.approx(slope, rel=1e-3), name


def test_without_penalty_it_is_an_autoencoder():
    def trained(factor):
        rates = {"optimizer": keras.optimizers.SGD(1e-2), "discriminator_optimizer": keras.optimizers.SGD(1e-2)}
        model = tiny.make("anica", gamma=0.0, optimizers=rates)
        model.discriminator.set_weights([factor * weight for weight in model.discriminator.get_weights()])
        terms = model.train_step(tf.constant(X))
        assert terms["loss"] == terms["reconstruction"]
        return tiny.weights(model, "encoder", "decoder")

    # What the discriminator says has no influence.
    np.testing.assert_allclose(trained(1), trained(2), atol=1e-7)


def test_scale_and_shift_of_the_codes_do_not_matter_to_the_discriminator():
    model = tiny.make("anica")
    kernel, bias = model.encoder.layers[-1].get_weights()
    terms = []
    for scale, shift in ((100, 0), (300, 7)):
        model.encoder.layers[-1].set_weights([scale * kernel, scale * bias + shift])
        terms.append(model.loss_terms(X, [0, 1]))
    np.testing.assert_allclose(*(each["jensen_shannon"] for each in terms), atol=1e-4)
    assert np.abs(terms[0]["reconstruction"] - terms[1]["reconstruction"]).max() > 1


def test_arguments_that_do_not_fit_are_refused():
    networks = tiny.networks_of("anica")
    with pytest.raises(ValueError, match=r"an encoder \[B, H, W, C\] -> \[B, D\].* Received: .*\(None, 6\)"):
        Anica(**networks | {"encoder": tiny.encoder()})
    with pytest.raises(ValueError, match=r"discriminator \[B, D\] -> \[B, 2\].* Received: .*\(None, 5\)"):
        Anica(**networks | {"discriminator": tiny.discriminator(dim=5)})
    with pytest.raises(ValueError, match=r"at least 0\. Received: gamma=-0\.5"):
        Anica(**networks, gamma=-0.5)
