"""InfoGAN and InfoWGAN-GP with networks of one linear layer each, and their steps by hand, gradients and all."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

WEIGHT, STDDEV, CATEGORIES = 0.7, 0.5, 3


def make(cls, **kwargs):
    """A model of images [B, 2, 2, 1] with one continuous code, three categories and two noise variables."""
    trunk = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten()])
    head = keras.Sequential([keras.Input((4,)), layers.Dense(4, kernel_initializer=_init(1))])
    generator = [layers.Dense(4, "sigmoid", kernel_initializer=_init(2)), layers.Reshape((2, 2, 1))]
    return cls(
        keras.Sequential([keras.Input((2, 2, 1)), trunk, head]),
        keras.Sequential([keras.Input((6,)), *generator]),
        keras.Sequential([keras.Input((4,)), layers.Dense(1, kernel_initializer=_init(3))]),
        categories=CATEGORIES,
        noise_dim=2,
        mutual_information_weight=WEIGHT,
        code_stddev=STDDEV,
        **kwargs,
    )


def drawn(seed, n):
    """The generator's inputs for n images, [n, 6]: U(-1, 1), a one-hot category, and twice U(-1, 1)."""
    uniform = tf.random.stateless_uniform([n, 4], seed).numpy().astype(np.float64)
    category = np.eye(3)[np.floor(3 * uniform[:, 3]).astype(int)]
    return np.hstack([2 * uniform[:, :1] - 1, category, 2 * uniform[:, 1:3] - 1])


class ByHand:
    """The same networks in NumPy; images are rows [B, 4], and steps are of gradient descent."""

    def __init__(self, model):
        networks = model.generator, model.head, model.discriminator
        self.generator, self.head, self.critic = ([np.float64(w) for w in n.get_weights()] for n in networks)

    def generate(self, inputs):
        return _sigmoid(_affine(inputs, self.generator))

    def discriminator_step(self, real, inputs, rate):
        fake = self.generate(inputs)
        # Of softplus(-l) for data and softplus(l) for generated images.
        on_real = -_sigmoid(-_affine(real, self.critic)) / len(real)
        on_fake = _sigmoid(_affine(fake, self.critic)) / len(real)
        self._move(self.critic, real.T @ on_real + fake.T @ on_fake, on_real.sum(0) + on_fake.sum(0), rate)

    def critic_step(self, real, inputs, penalty_weight, rate):
        fake, slope = self.generate(inputs), self.critic[0]
        norm = np.linalg.norm(slope)
        # The gradient of a linear critic is its slope, wherever it is taken; the offset cancels.
        gradient = np.mean(fake - real, axis=0)[:, np.newaxis] + penalty_weight * 2 * (norm - 1) * slope / norm
        self._move(self.critic, gradient, np.zeros(1), rate)

    def generator_step(self, inputs, rate, wasserstein=False):
        n, fake = len(inputs), self.generate(inputs)
        values, parameters = _affine(fake, self.critic), _affine(fake, self.head)
        of_values = -np.ones_like(values) / n if wasserstein else -_sigmoid(-values) / n
        # -WEIGHT [-(c - m)^2 / (2 s^2) + log softmax(l)[category]]
        error = (parameters[:, :1] - inputs[:, :1]) / STDDEV**2
        probabilities = np.exp(parameters[:, 1:]) / np.exp(parameters[:, 1:]).sum(axis=1, keepdims=True)
        of_parameters = WEIGHT * np.hstack([error, probabilities - inputs[:, 1:4]]) / n
        of_fake = of_values @ self.critic[0].T + of_parameters @ self.head[0].T
        of_logits = of_fake * fake * (1 - fake)
        self._move(self.head, fake.T @ of_parameters, of_parameters.sum(0), rate)
        self._move(self.generator, inputs.T @ of_logits, of_logits.sum(0), rate)

    def assert_equal(self, model):
        networks = model.generator, model.head, model.discriminator
        for mine, network in zip((self.generator, self.head, self.critic), networks, strict=True):
            for expected, value in zip(mine, network.get_weights(), strict=True):
                np.testing.assert_allclose(value, expected, atol=1e-5)

    def _move(self, layer, of_kernel, of_bias, rate):
        layer[0] -= rate * of_kernel
        layer[1] -= rate * of_bias


def _init(seed):
    return keras.initializers.GlorotUniform(seed=seed)


def _affine(x, layer):
    return x @ layer[0] + layer[1]


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))
