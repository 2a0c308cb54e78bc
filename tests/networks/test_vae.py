import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference
from tfvae.networks import vae as networks

# Convolutions 4x4: weights and biases.
CONVOLUTIONS = (4 * 4 * 32 * 32 + 32) + (4 * 4 * 32 * 64 + 64) + (4 * 4 * 64 * 64 + 64)
UPCONVOLUTIONS = (4 * 4 * 64 * 64 + 64) + (4 * 4 * 64 * 32 + 32) + (4 * 4 * 32 * 32 + 32)
# Of the paper's Tables 1 to 3; a 64x64 image is 4x4x64 after four convolutions.
TABLES = {
    "table_1": (
        (64, 64, 1),
        10,
        (4 * 4 * 1 * 32 + 32) + CONVOLUTIONS + (1024 * 128 + 128) + (128 * 2 * 10 + 2 * 10),
        (10 * 128 + 128) + (128 * 1024 + 1024) + UPCONVOLUTIONS + (4 * 4 * 32 * 1 + 1),
    ),
    "table_2": (
        (64, 64, 3),
        6,
        (4 * 4 * 3 * 32 + 32) + CONVOLUTIONS + (1024 * 256 + 256) + (256 * 2 * 6 + 2 * 6),
        (6 * 256 + 256) + (256 * 1024 + 1024) + UPCONVOLUTIONS + (4 * 4 * 32 * 3 + 3),
    ),
    "table_3": (
        (64, 64, 1),
        10,
        (4 * 4 * 1 * 32 + 32) + CONVOLUTIONS + (1024 * 256 + 256) + (256 * 2 * 10 + 2 * 10),
        (10 * 256 + 256) + (256 * 1024 + 1024) + UPCONVOLUTIONS + (4 * 4 * 32 * 1 + 1),
    ),
}
SMALL = (16, 32, 1), 2
MAKERS = {
    "encoder": lambda **kwargs: networks.encoder(*SMALL, units=8, **kwargs),
    "decoder": lambda **kwargs: networks.decoder(*SMALL, units=8, **kwargs),
    "discriminator": lambda **kwargs: networks.discriminator(2, depth=3, units=8, **kwargs),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def weights(model):
    return [weight.numpy() for weight in model.weights]


def with_random_biases(model):
    """The initial biases are zero, and would hide a bias in the wrong place."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.1, bias.shape)])
    return model


@pytest.mark.parametrize("name", networks.ARCHITECTURES)
def test_parameters_are_as_many_as_in_the_paper(name):
    image_shape, latent_dim, of_encoder, of_decoder = TABLES[name]
    arguments = networks.ARCHITECTURES[name]
    encoder = networks.encoder(image_shape, latent_dim, **arguments)
    decoder = networks.decoder(image_shape, latent_dim, **arguments)
    assert (encoder.count_params(), decoder.count_params()) == (of_encoder, of_decoder)
    assert (encoder.input_shape, encoder.output_shape) == ((None, *image_shape), (None, 2 * latent_dim))
    assert (decoder.input_shape, decoder.output_shape) == ((None, latent_dim), (None, *image_shape))


def test_discriminator_has_as_many_parameters_as_in_the_paper():
    expected = (10 * 1000 + 1000) + 5 * (1000 * 1000 + 1000) + (1000 * 2 + 2)
    assert networks.discriminator(10).count_params() == expected


def test_encoder_equals_a_loop_over_pixels():
    model = with_random_biases(MAKERS["encoder"]())
    images = np.random.default_rng(1).uniform(0, 1, (3, 16, 32, 1))
    *convolutions, dense, last = zip(*[iter(weights(model))] * 2, strict=True)
    assert len(convolutions) == 4
    x = images
    for kernel, bias in convolutions:
        x = reference.leaky_relu(reference.convolution(x, kernel, bias))
    x = reference.leaky_relu(x.reshape(3, -1) @ dense[0] + dense[1])
    np.testing.assert_allclose(model(images), x @ last[0] + last[1], atol=1e-5)


def test_decoder_equals_a_loop_over_pixels():
    model = with_random_biases(MAKERS["decoder"]())
    z = np.random.default_rng(1).normal(size=(3, 2))
    *dense, up1, up2, up3, last = zip(*[iter(weights(model))] * 2, strict=True)
    assert len(dense) == 2
    x = z
    for kernel, bias in dense:
        x = reference.leaky_relu(x @ kernel + bias)
    x = x.reshape(3, 1, 2, 64)
    for kernel, bias in (up1, up2, up3):
        x = reference.leaky_relu(reference.transposed_convolution(x, kernel, bias))
    np.testing.assert_allclose(model(z), reference.transposed_convolution(x, *last), atol=1e-5)


def test_discriminator_equals_matrix_products_with_a_slope_of_one_fifth():
    model = with_random_biases(MAKERS["discriminator"]())
    x = z = np.random.default_rng(1).normal(size=(5, 2))
    *hidden, last = zip(*[iter(weights(model))] * 2, strict=True)
    assert len(hidden) == 3
    for kernel, bias in hidden:
        x = reference.leaky_relu(x @ kernel + bias, slope=0.2)
    np.testing.assert_allclose(model(z), x @ last[0] + last[1], atol=1e-5)


@each
def test_seed_decides_the_weights(make):
    keras.utils.set_random_seed(1)
    first, other = weights(make(seed=3)), weights(make(seed=4))
    keras.utils.set_random_seed(2)
    again = weights(make(seed=3))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    kernels = [(a, b) for a, b in zip(first, other, strict=True) if a.ndim > 1]
    assert len(kernels) > 3
    assert not any(np.array_equal(a, b) for a, b in kernels)


def test_layers_of_one_shape_have_different_weights():
    kernels = [w for w in weights(networks.discriminator(8, depth=4, units=8)) if w.shape == (8, 8)]
    assert len({kernel.tobytes() for kernel in kernels}) == 4


@each
def test_building_moves_no_global_random_state(make):
    def draws(build):
        keras.utils.set_random_seed(1)
        if build:
            make()
        return [
            random.random(),
            np.random.rand(),  # noqa: NPY002
            float(tf.random.normal([])),
            float(keras.random.normal([])),
        ]

    assert draws(build=True) == draws(build=False)


@each
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_leaves_the_last_layer_and_all_variables_in_float32(make, dtype):
    model = make(dtype=dtype)
    *hidden, last = (layer for layer in model.layers)
    assert {layer.compute_dtype for layer in hidden} == {dtype.removeprefix("mixed_")}
    assert last.compute_dtype == model(np.zeros((2, *model.input_shape[1:]))).dtype == "float32"
    assert {weight.dtype for weight in model.weights} == {"float32"}


@pytest.mark.parametrize("make", [networks.encoder, networks.decoder])
@pytest.mark.parametrize(
    ("image_shape", "latent_dim", "named"),
    [
        ((16, 16), 2, r"\(H, W, C\).* Received: image_shape=\(16, 16\)"),
        ((5,), 2, r"\(H, W, C\); for vectors .*architecture='dense'.* Received: image_shape=\(5,\)"),
        ((0, 16, 1), 2, r"at least 1. Received: shape=\(0, 16, 1\)"),
        ((16, 16, 1), 0, "at least 1. Received: latent_dim=0"),
    ],
)
def test_wrong_sizes_are_named(make, image_shape, latent_dim, named):
    with pytest.raises(ValueError, match=named):
        make(image_shape, latent_dim)


@pytest.mark.parametrize("shape", [(28, 28, 1), (30, 20, 3), (5, 17, 2)])
def test_images_of_any_size_are_cropped_from_the_next_multiple_of_16(shape):
    encoder, decoder = networks.encoder(shape, 2, units=8), networks.decoder(shape, 2, units=8)
    assert encoder.input_shape == decoder.output_shape == (None, *shape)
    larger = [-(-size // 16) * 16 for size in shape[:2]]
    whole = networks.decoder((*larger, shape[2]), 2, units=8)
    whole.set_weights(decoder.get_weights())
    assert "crop" not in [layer.name for layer in whole.layers]
    codes = np.random.default_rng(0).normal(size=(2, 2)).astype(np.float32)
    top, left = ((size - wanted) // 2 for size, wanted in zip(larger, shape[:2], strict=True))
    expected = whole(codes).numpy()[:, top : top + shape[0], left : left + shape[1]]
    np.testing.assert_array_equal(decoder(codes), expected)
