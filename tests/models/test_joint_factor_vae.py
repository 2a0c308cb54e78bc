import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference, tiny
from tfvae.models import JointFactorVAE

X = tiny.images(16)
DIM, CATEGORIES = 2, 3  # of the networks in tiny


def matrices(network):
    return [np.float64(weight.numpy()) for weight in network.weights]


def two_layers(x, weights, slope=0.0):
    w1, b1, w2, b2 = weights
    return reference.leaky_relu(x @ w1 + b1, slope) @ w2 + b2


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def noise(model, n, seed):
    """What a step draws for n images from one seed: N(0, 1) and U(0, 1)."""
    normal = tf.random.stateless_normal([n, DIM], seed)
    return normal.numpy(), tf.random.stateless_uniform([n, CATEGORIES], seed + tf.constant([4, 0])).numpy()


def terms_by_hand(images, encoder, decoder, discriminator, normal, uniform, temperature):
    """The means of the terms, from matrices, float64, and the codes [B, D + C]."""
    parameters = two_layers(np.float64(images).reshape(len(images), -1), encoder)
    mean, log_variance, logits = np.split(parameters, [DIM, 2 * DIM], axis=1)
    relaxed = softmax((logits - np.log(-np.log(np.float64(uniform)))) / temperature)
    code = np.concatenate([mean + np.exp(log_variance / 2) * normal, relaxed], axis=1)
    d = softmax(two_layers(code, discriminator, 0.2))[:, 0]
    log_p = [reference.bernoulli_log_prob(*pair) for pair in zip(images, two_layers(code, decoder), strict=True)]
    p = softmax(logits)
    terms = {
        "reconstruction": -np.mean(log_p),
        "kl": np.mean([reference.kl_to_standard_normal(*row) for row in zip(mean, log_variance, strict=True)]),
        "categorical_kl": np.mean(np.sum(p * np.log(p * CATEGORIES), axis=1)),
        "total_correlation": np.mean(np.log(d) - np.log(1 - d)),
    }
    return terms, code


def test_evaluate_gives_the_terms_of_a_batch():
    model = tiny.make("joint_factor_vae", gamma=4.0, temperature=0.7, seed=2)
    normal, uniform = noise(model, 15, model.test_seed(stream=0))
    keys = tf.random.stateless_uniform([15, DIM + 1], model.test_seed(stream=2)).numpy()
    results = model.evaluate(X[:15], batch_size=15, verbose=0, return_dict=True)
    networks = [matrices(getattr(model, name)) for name in model.networks]
    expected, code = terms_by_hand(X[:15], *networks, normal, uniform, temperature=0.7)
    # The category is permuted as one variable.
    permuted = reference.permute_dims(code, keys[:, [0, 1, 2, 2, 2]])
    d, d_permuted = (softmax(two_layers(z, networks[2], 0.2))[:, 0] for z in (code, permuted))
    expected["loss"] = sum(expected[name] for name in ("reconstruction", "kl", "categorical_kl"))
    expected["loss"] += 4.0 * expected["total_correlation"]
    expected["discriminator_loss"] = -np.mean(np.log(d) + np.log(1 - d_permuted)) / 2
    expected["discriminator_accuracy"] = (np.mean(d > 0.5) + np.mean(d_permuted < 0.5)) / 2
    assert results == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 30.0])
def test_step_descends_the_gradient_of_the_loss(gamma):
    # At rate 1, a step of gradient descent takes the gradient away from the weights. It is compared with the slope of
    # the loss that is written out, along one direction for each network.
    rates = {"optimizer": keras.optimizers.SGD(1.0), "discriminator_optimizer": keras.optimizers.SGD(0.0)}
    model = tiny.make("joint_factor_vae", gamma=gamma, temperature=0.7, optimizers=rates)
    before = [matrices(getattr(model, name)) for name in model.networks]
    drawn = noise(model, 8, model.step_seed(stream=0))
    model.train_step(tf.constant(X))
    rng, step = np.random.default_rng(0), 1e-6
    for place, name in enumerate(("encoder", "decoder")):
        direction = [rng.normal(size=w.shape) for w in before[place]]
        values = []
        for sign in (1, -1):
            moved = list(before)
            moved[place] = [w + sign * step * v for w, v in zip(before[place], direction, strict=True)]
            # Of what `fit` is given, the images at even places are the batch of the autoencoder.
            terms, _ = terms_by_hand(X[0::2], *moved, *drawn, temperature=0.7)
            weights = {"total_correlation": gamma}
            values.append(sum(weights.get(key, 1.0) * value for key, value in terms.items()))
        slope = (values[0] - values[1]) / (2 * step)
        changes = zip(before[place], matrices(getattr(model, name)), direction, strict=True)
        assert sum(np.sum((old - new) * v) for old, new, v in changes) == pytest.approx(slope, rel=1e-3), name
    np.testing.assert_array_equal(
        tiny.weights(model, "discriminator"), np.concatenate([w.ravel() for w in before[2]]).astype(np.float32)
    )


def test_discriminator_step_leaves_the_autoencoder_alone():
    rates = {"optimizer": keras.optimizers.SGD(0.0), "discriminator_optimizer": keras.optimizers.SGD(1e-2)}
    model = tiny.make("joint_factor_vae", optimizers=rates)
    before = {name: tiny.weights(model, name) for name in model.networks}
    model.train_step(tf.constant(X))
    for name in ("encoder", "decoder"):
        np.testing.assert_array_equal(before[name], tiny.weights(model, name))
    assert np.abs(before["discriminator"] - tiny.weights(model, "discriminator")).max() > 1e-5


def test_batches_have_categories_of_their_own_noise():
    model = tiny.make("joint_factor_vae")
    posterior = model.posterior(tf.zeros((16, *tiny.SHAPE)))
    samples = [model.sample(posterior, model.step_seed(stream)).numpy() for stream in (0, 1)]
    # One image many times, and yet no two codes are alike, within a batch or between B and B'.
    assert len(np.unique(np.concatenate(samples)[:, DIM:], axis=0)) == 32


def test_representation_and_decoder_agree_on_the_layout():
    model = tiny.make("joint_factor_vae", temperature=1e-3)
    code = model(X)
    assert {name: value.shape for name, value in code.items()} == {
        "mean": (16, DIM), "log_variance": (16, DIM), "probabilities": (16, CATEGORIES)
    }  # fmt: skip
    np.testing.assert_allclose(np.sum(code["probabilities"], axis=1), 1, rtol=1e-6)
    # The decoder's input is D means, then a one-hot category.
    model = tiny.without_noise(model)
    z = model.sample(model.posterior(X), [0, 0])
    expected = np.concatenate([model(X)["mean"], np.tile([1.0, 0.0, 0.0], (16, 1))], axis=1)
    np.testing.assert_allclose(z, expected, atol=1e-5)
    assert model.decode(z).shape == X.shape


def test_arguments_that_do_not_fit_are_refused():
    networks = tiny.networks_of("joint_factor_vae")
    with pytest.raises(ValueError, match=r"\[B, 2 D \+ 3\] and a decoder .*Received: encoder .* \(None, 6\)"):
        JointFactorVAE(**networks | {"encoder": tiny.encoder()})
    with pytest.raises(ValueError, match=r"with D >= 1"):
        JointFactorVAE(**networks, categories=5)
    with pytest.raises(ValueError, match=r"discriminator \[B, 5\] -> \[B, 2\].* Received: \(None, 3\)"):
        JointFactorVAE(**networks | {"discriminator": tiny.discriminator()})
    with pytest.raises(ValueError, match=r"Received: categories=1, temperature=0\.7"):
        JointFactorVAE(**networks, categories=1, temperature=0.7)
    with pytest.raises(ValueError, match=r"Received: categories=3, temperature=0\.0"):
        JointFactorVAE(**networks, temperature=0.0)
