"""What the library computes, once more: with loops and explicit sums, without Keras and TensorFlow Probability."""

from itertools import product

import numpy as np
import tensorflow as tf


def bernoulli_log_prob(image, logits):
    """log p(x | z) of one image, a pixel at a time, float64."""
    total = 0.0
    for x, logit in zip(np.ravel(image), np.ravel(logits).astype(np.float64), strict=True):
        total += x * -np.logaddexp(0, -logit) + (1 - x) * -np.logaddexp(0, logit)
    return total


def kl_to_standard_normal(mean, log_variance):
    """KL(N(mean, diag(exp(log_variance))) || N(0, I)) of one code."""
    return sum(0.5 * (m**2 + np.exp(v) - v - 1) for m, v in zip(mean, log_variance, strict=True))


def permute_dims(z, keys):
    """Algorithm 1 with the permutation that sorts `keys` [B, D]."""
    permuted = np.empty_like(z)
    for j in range(z.shape[1]):
        for row, source in enumerate(np.argsort(keys[:, j], kind="stable")):
            permuted[row, j] = z[source, j]
    return permuted


def convolution(x, kernel, bias):
    """Convolution 4x4 of stride 2, "same": x [N, H, W, C], kernel [4, 4, C, F] -> [N, H / 2, W / 2, F]."""
    n, height, width, _ = x.shape
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    y = np.empty((n, height // 2, width // 2, kernel.shape[3]))
    for i, j in product(range(height // 2), range(width // 2)):
        y[:, i, j] = np.tensordot(padded[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4], kernel, 3) + bias
    return y


def transposed_convolution(x, kernel, bias):
    """What `convolution` is the gradient of: x [N, H, W, C], kernel [4, 4, F, C] -> [N, 2 H, 2 W, F]."""
    n, height, width, _ = x.shape
    padded = np.zeros((n, 2 * height + 2, 2 * width + 2, kernel.shape[2]))
    for i, j in product(range(height), range(width)):
        padded[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum("nc,abfc->nabf", x[:, i, j], kernel)
    return padded[:, 1:-1, 1:-1] + bias


def leaky_relu(x, slope=0.0):
    return np.where(x > 0, x, slope * x)


class Adam:
    """Kingma & Ba (2015), Algorithm 1, in the form that ends Section 2 (as Keras does)."""

    def __init__(self, learning_rate, beta_1, beta_2, epsilon=1e-7):
        self.learning_rate, self.beta_1, self.beta_2, self.epsilon = learning_rate, beta_1, beta_2, epsilon
        self.t, self.m, self.v = 0, None, None

    def __call__(self, weights, gradients):
        """The weights after one more step."""
        if self.m is None:
            self.m, self.v = ([np.zeros(g.shape) for g in gradients] for _ in range(2))
        self.t += 1
        rate = self.learning_rate * np.sqrt(1 - self.beta_2**self.t) / (1 - self.beta_1**self.t)
        for i, g in enumerate(gradients):
            self.m[i] = self.beta_1 * self.m[i] + (1 - self.beta_1) * g
            self.v[i] = self.beta_2 * self.v[i] + (1 - self.beta_2) * g**2
        return [w - rate * m / (np.sqrt(v) + self.epsilon) for w, m, v in zip(weights, self.m, self.v, strict=True)]


class FactorVAE:
    """Algorithm 2, with the KL in closed form, for the networks of `tiny`, float64, on matrices.

    Args:
        encoder, decoder, discriminator: their weights, [W1, b1, W2, b2] each.
        gamma: of eq. 2.
        beta: weight of the KL term; not in the paper.
        update, update_discriminator: (weights, gradients) -> weights.
        seen: codes -> what the discriminator sees of them.
    """

    def __init__(
        self, encoder, decoder, discriminator, gamma, update, update_discriminator, beta=1.0, seen=lambda z: z
    ):
        self.theta = [np.float64(w) for w in [*encoder, *decoder]]
        self.psi = [np.float64(w) for w in discriminator]
        self.gamma, self.beta, self.seen = gamma, beta, seen
        self.update, self.update_discriminator = update, update_discriminator

    def step(self, images, noise, others=None, noise_of_others=None, keys=None):
        """One step on batches B and B', images [m, H, W, C]; noise [m, D] for each, keys [m, D] for the permutation.

        Without B', the discriminator stays as it is.
        """
        batch = np.float64(images).reshape(len(images), -1)
        theta, psi = [tf.constant(w) for w in self.theta], [tf.constant(w) for w in self.psi]
        with tf.GradientTape() as tape:
            tape.watch(theta)
            z, mean, log_variance = _code(batch, theta[:4], noise)
            logits = _two_layers(z, theta[4:], 0.0)
            nll = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(batch, logits), 1)
            kl = 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_variance) - log_variance - 1, 1)
            d = tf.nn.softmax(_two_layers(self.seen(z), psi, 0.2))[:, 0]
            tc = tf.math.log(d) - tf.math.log(1 - d)
            loss = tf.reduce_mean(nll + self.beta * kl + self.gamma * tc)
        self.theta = self.update(self.theta, [g.numpy() for g in tape.gradient(loss, theta)])
        if others is None:
            return

        others = np.float64(others).reshape(len(others), -1)
        z_others, _, _ = _code(others, self.theta[:4], noise_of_others)
        permuted = permute_dims(z_others.numpy(), keys)
        with tf.GradientTape() as tape:
            tape.watch(psi)
            d = tf.nn.softmax(_two_layers(tf.stop_gradient(self.seen(z)), psi, 0.2))[:, 0]
            d_permuted = tf.nn.softmax(_two_layers(self.seen(permuted), psi, 0.2))[:, 0]
            objective = tf.reduce_mean(tf.math.log(d)) / 2 + tf.reduce_mean(tf.math.log(1 - d_permuted)) / 2
        self.psi = self.update_discriminator(self.psi, [-g.numpy() for g in tape.gradient(objective, psi)])


class PriorFactorVAE:
    """Appendix F's objectives for the networks of `tiny`, float64, on matrices; arguments as those of `FactorVAE`.

    With beta = 0, the adversarial autoencoder.
    """

    def __init__(self, encoder, decoder, discriminator, gamma, update, update_discriminator, beta=1.0):
        self.theta = [np.float64(w) for w in [*encoder, *decoder]]
        self.psi = [np.float64(w) for w in discriminator]
        self.gamma, self.beta = gamma, beta
        self.update, self.update_discriminator = update, update_discriminator

    def step(self, images, noise, prior):
        """One step on images [B, H, W, C], with noise [B, D] and samples of the prior [B, D]."""
        batch = np.float64(images).reshape(len(images), -1)
        theta, psi = [tf.constant(w) for w in self.theta], [tf.constant(w) for w in self.psi]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([*theta, *psi])
            z, mean, log_variance = _code(batch, theta[:4], noise)
            p = tf.sigmoid(_two_layers(z, theta[4:], 0.0))
            nll = -tf.reduce_sum(batch * tf.math.log(p) + (1 - batch) * tf.math.log(1 - p), 1)
            kl = 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_variance) - log_variance - 1, 1)
            d = tf.nn.softmax(_two_layers(z, psi, 0.2))[:, 0]
            d_of_prior = tf.nn.softmax(_two_layers(np.float64(prior), psi, 0.2))[:, 0]
            loss = tf.reduce_mean(nll + self.beta * kl + self.gamma * tf.math.log(d / (1 - d)))
            objective = tf.reduce_mean(tf.math.log(d)) / 2 + tf.reduce_mean(tf.math.log(1 - d_of_prior)) / 2
        self.theta = self.update(self.theta, [g.numpy() for g in tape.gradient(loss, theta)])
        self.psi = self.update_discriminator(self.psi, [-g.numpy() for g in tape.gradient(objective, psi)])


def standardised(z):
    """Codes [B, D] with mean 0 and variance 1 over the batch, but for 1e-3 in the variance."""
    centred = z - tf.reduce_mean(z, axis=0)
    return centred / tf.sqrt(tf.reduce_mean(centred**2, axis=0) + 1e-3)


def _two_layers(x, weights, slope):
    w1, b1, w2, b2 = weights
    hidden = x @ w1 + b1
    return tf.where(hidden > 0, hidden, slope * hidden) @ w2 + b2


def _code(pixels, encoder, noise):
    mean, log_variance = tf.split(_two_layers(pixels, encoder, 0.0), 2, axis=1)
    return mean + tf.exp(log_variance / 2) * noise, mean, log_variance
