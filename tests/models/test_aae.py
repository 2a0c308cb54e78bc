import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.models import AAE

# What it shares with the other model of Appendix F is tested in test_prior_factor_vae.py.
X = tiny.images(16)


def test_without_penalty_is_an_autoencoder():
    aae, beta_vae = tiny.make("aae", gamma=0.0), tiny.make("beta_vae", beta=0.0)
    for images in tf.split(X, 2):
        aae.train_step(images)
        beta_vae.train_step(images)
    np.testing.assert_allclose(tiny.weights(aae, "encoder", "decoder"), tiny.weights(beta_vae), atol=1e-7)


def test_a_trained_discriminator_estimates_the_divergence():
    # All images have one posterior N(m, I), so that q(z) is known: KL(q(z) || p(z)) = |m|^2 / 2. The log of its ratio
    # to the prior is linear in z, so that logistic regression is an optimal discriminator.
    m = np.array([1.0, -0.5, 0.0], np.float32)
    linear = keras.Sequential([keras.Input((tiny.DIM,)), keras.layers.Dense(2, kernel_initializer="zeros")])
    model = AAE(tiny.encoder(), tiny.decoder(), linear)
    model.compile(optimizer=keras.optimizers.SGD(0.0), discriminator_optimizer=keras.optimizers.Adam(0.02))
    kernel, _ = model.encoder.layers[-1].get_weights()
    model.encoder.layers[-1].set_weights([0 * kernel, np.concatenate([m, 0 * m])])
    images = np.repeat(X[:1], 4096, axis=0)
    model.fit(tf.data.Dataset.from_tensors(images).repeat(200), shuffle=False, verbose=0)
    results = model.evaluate(images, batch_size=4096, verbose=0, return_dict=True)
    # Its variance over q(z) is |m|^2, and both the fit and the mean see some thousands of samples.
    true = float(m @ m / 2)
    assert results["prior_divergence"] == pytest.approx(true, abs=5 * np.sqrt(2 * true / 4096))
    assert results["kl"] == pytest.approx(true, rel=1e-5)
