import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import Quantizer

Z = np.random.default_rng(0).normal(scale=0.5, size=(20, 3)).astype(np.float32)
VALUES = np.sort(np.random.default_rng(1).normal(size=(3, 5)), axis=1).astype(np.float32)


def quantizer(values=VALUES):
    layer = Quantizer(values.shape[1])
    layer.build((None, values.shape[0]))
    layer.values.assign(values)
    return layer


def nearest(z, values):
    """The place of the nearest value of each latent, by loops: int [N, D]."""
    return np.array(
        [[min(range(len(v)), key=lambda k: abs(x - v[k])) for x, v in zip(row, values, strict=True)] for row in z]
    )


def test_each_latent_gets_the_nearest_of_its_own_values_bit_for_bit():
    z, quantized = np.split(quantizer()(Z).numpy(), 2, axis=1)
    np.testing.assert_array_equal(z, Z)
    np.testing.assert_array_equal(quantized, VALUES[np.arange(3), nearest(Z, VALUES)])


def test_a_value_has_the_gradient_of_the_codes_that_have_it_and_the_input_that_of_z():
    layer, z, weights = quantizer(), tf.constant(Z), np.random.default_rng(2).normal(size=(20, 6)).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(z)
        total = tf.reduce_sum(layer(z) * weights)
    of_values, of_z = tape.gradient(total, [layer.values.value, z])
    expected = np.zeros_like(VALUES)
    for row, places in enumerate(nearest(Z, VALUES)):
        for latent, place in enumerate(places):
            expected[latent, place] += weights[row, 3 + latent]
    np.testing.assert_allclose(of_values, expected, rtol=1e-5)
    np.testing.assert_array_equal(of_z, weights[:, :3])


def test_values_begin_evenly_spaced():
    layer = Quantizer(5)
    layer(Z)
    np.testing.assert_allclose(layer.values, np.tile([-0.5, -0.25, 0, 0.25, 0.5], (3, 1)))


def test_a_network_with_it_is_saved_and_loaded(tmp_path):
    network = keras.Sequential([keras.Input((3,)), quantizer()])
    assert network.output_shape == (None, 6)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    assert loaded.layers[-1].num_values == 5
    np.testing.assert_array_equal(loaded(Z), network(Z))


@pytest.mark.parametrize("number", [0, -1, 2.0, True])
def test_a_number_of_values_below_one_is_refused(number):
    with pytest.raises(ValueError, match=f"integer of at least 1. Received: num_values={number}"):
        Quantizer(number)
