import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfvae.models import create
from tfvae.networks.layers import Conv2DTranspose

X = np.random.default_rng(0).normal(size=(3, 5, 2, 6)).astype(np.float32)


def of_both(filters, **kwargs):
    """The layer and Keras's, with the same weights."""
    both = [cls(filters, 4, 2, "same", **kwargs) for cls in (Conv2DTranspose, layers.Conv2DTranspose)]
    for layer in both:
        layer.build(X.shape)
    weights = [np.random.default_rng(1).normal(size=w.shape) for w in both[1].get_weights()]
    for layer in both:
        layer.set_weights(weights)
    return both


@pytest.mark.parametrize("kwargs", [{}, {"activation": "relu"}, {"use_bias": False}], ids=str)
@pytest.mark.parametrize("filters", [1, 3, 5])
def test_equals_keras_layer_and_its_gradient(filters, kwargs):
    outputs, gradients = [], []
    for layer in of_both(filters, **kwargs):
        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y**2 * tf.random.stateless_uniform(y.shape, [0, 0]))
        outputs.append(y)
        gradients.append(tape.gradient(loss, [x, *(w.value for w in layer.trainable_weights)]))
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-5)
    for mine, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_weights_have_the_shapes_and_names_of_keras():
    mine, theirs = ([(w.name, w.shape) for w in layer.weights] for layer in of_both(2))
    assert mine == theirs


def test_xla_and_half_precision():
    mine, theirs = of_both(2)
    compiled = tf.function(mine, jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(X)), theirs(X), rtol=1e-4, atol=1e-4)
    mine, theirs = of_both(2, dtype="mixed_bfloat16")
    assert mine(X).dtype == tf.bfloat16
    # bfloat16 has 8 bits: 2^-8 of each of 24 products of about 1.
    np.testing.assert_allclose(tf.cast(mine(X), tf.float32), tf.cast(theirs(X), tf.float32), atol=0.2)


def test_saved_and_loaded(tmp_path):
    network = keras.Sequential(
        [keras.Input(X.shape[1:]), Conv2DTranspose(2, 4, 2, "same", name="last", activation="tanh")]
    )
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(X), network(X))
    plain = keras.Sequential([keras.Input(X.shape[1:]), layers.Conv2DTranspose(2, 4, 2, "same", name="last")])
    plain.save_weights(tmp_path / "plain.weights.h5")
    network.load_weights(tmp_path / "plain.weights.h5")
    np.testing.assert_allclose(network(X), np.tanh(plain(X)), atol=1e-5)


@pytest.mark.parametrize("name", ["vae", "info_gan"])
def test_images_are_channels_last_whatever_keras_is_set_to(name):
    expected = create(name, (20, 16, 1), latent_dim=2)
    keras.config.set_image_data_format("channels_first")
    try:
        model = create(name, (20, 16, 1), latent_dim=2)
    finally:
        keras.config.set_image_data_format("channels_last")
    x = np.random.default_rng(0).random((2, 20, 16, 1), np.float32)
    np.testing.assert_array_equal(*(each.predict(x, verbose=0)["mean"] for each in (model, expected)))
