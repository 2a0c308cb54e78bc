import keras
import numpy as np
import pytest

from tests import reference
from tfvae.networks import style_decoder

CODES = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


def random_decoder(shape=(16, 32, 2)):
    network, rng = style_decoder(shape, 2, units=5), np.random.default_rng(1)
    network.set_weights([rng.normal(0, 0.5, weight.shape) for weight in network.get_weights()])
    return network


def test_equals_a_loop_over_pixels_and_channels():
    network = random_decoder()
    weights = {layer.name: layer.get_weights() for layer in network.layers if layer.weights}
    (constant,) = weights.pop("constant")
    first, second, *blocks = (weights[f"layer_{place}"] for place in range(len(weights)))
    style = CODES.astype(np.float64)
    for kernel, bias in (first, second):
        style = reference.leaky_relu(style @ kernel + bias)
    x = np.stack([constant] * 3)
    assert x.shape == (3, 1, 2, 64)
    for (kernel,), (scale, scale_bias), (shift, shift_bias) in zip(*[iter(blocks[:-1])] * 3, strict=True):
        x = reference.leaky_relu(reference.transposed_convolution(x, kernel, np.zeros(kernel.shape[2])), 0.01)
        x = (x - x.mean(axis=(1, 2), keepdims=True)) / np.sqrt(x.var(axis=(1, 2), keepdims=True) + 1e-6)
        x = x * reference.leaky_relu(style @ scale + scale_bias)[:, None, None]
        x = x + reference.leaky_relu(style @ shift + shift_bias)[:, None, None]
    kernel, bias = blocks[-1]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = bias + sum(padded[:, i : i + 16, j : j + 32] @ kernel[i, j] for i in range(3) for j in range(3))
    np.testing.assert_allclose(network(CODES), expected, rtol=1e-4, atol=1e-3)


def test_the_constant_starts_at_a_tenth():
    assert (style_decoder((16, 16, 1), 2, units=4).get_layer("constant").get_weights()[0] == np.float32(0.1)).all()


def test_initial_weights_follow_from_the_seed():
    one, same, other = (style_decoder((16, 16, 1), 2, units=4, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[1], other[1])


def test_saved_and_loaded_and_without_rows(tmp_path):
    network = random_decoder((5, 20, 3))
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(CODES), network(CODES))
    assert loaded(CODES[:0]).shape == (0, 5, 20, 3)


def test_half_precision_ends_in_float32():
    network = style_decoder((16, 16, 1), 2, units=4, dtype="mixed_bfloat16")
    assert (network.layers[-1].dtype, network(CODES).dtype) == ("float32", "float32")
    assert network.get_layer("scale_and_shift_0").compute_dtype == "bfloat16"


@pytest.mark.parametrize(("shape", "dim"), [((5,), 2), ((0, 4, 1), 2), ((4, 4, 1), 0)])
def test_shapes_that_are_not_of_images_and_sizes_below_one_are_refused(shape, dim):
    with pytest.raises(ValueError, match="Received: "):
        style_decoder(shape, dim)
