import keras
import pytest
from keras import layers

from tfvae.networks import vae as networks
from tools.benchmark.flops import forward_flops


def test_the_encoder_of_table_1_takes_the_products_of_the_table():
    # Output pixels x (kernel x channels in) x channels out, from the paper's table.
    multiplications = (
        32 * 32 * (16 * 1) * 32
        + 16 * 16 * (16 * 32) * 32
        + 8 * 8 * (16 * 32) * 64
        + 4 * 4 * (16 * 64) * 64
        + 1024 * 128
        + 128 * 20
    )
    assert forward_flops(networks.encoder((64, 64, 1), 10)) == 2 * multiplications


def test_a_transposed_convolution_takes_as_much_as_its_convolution():
    back = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(5, 4, 2, "same")])
    forth = keras.Sequential([keras.Input((4, 4, 5)), layers.Conv2DTranspose(3, 4, 2, "same")])
    assert forward_flops(forth) == forward_flops(back) == 2 * 4 * 4 * 16 * 3 * 5


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="Received: Conv1D"):
        forward_flops(keras.Sequential([keras.Input((8, 3)), layers.Conv1D(5, 3)]))
