import keras
import numpy as np
import pytest

from tests import tiny
from tfvae.networks import gan as gan_networks
from tfvae.networks.gan import ARCHITECTURES

BATCH_NORM = 4  # numbers for each channel: scale, shift, and the moving mean and variance
LAYER_NORM = 2

# Written from the tables, for 28x28 and 64x64 images: (trunk, Q's head, D's own, G).
COUNTS = {
    ("table_4", (28, 28, 1), 12, 62): (
        (16 * 1 + 1) * 64 + (16 * 64 + BATCH_NORM) * 128 + (7 * 7 * 128 + BATCH_NORM) * 1024,
        (1024 + BATCH_NORM) * 128 + (128 + 1) * 12,
        1024 + 1,
        (12 + 62 + BATCH_NORM) * 1024
        + (1024 + BATCH_NORM) * 7 * 7 * 128
        + (16 * 128 + BATCH_NORM) * 64
        + (16 * 64 + 1) * 1,
    ),
    ("table_5", (64, 64, 1), 7, 5): (
        (16 * 1 + 1) * 32
        + (16 * 32 + BATCH_NORM) * 32
        + (16 * 32 + BATCH_NORM) * 64
        + (16 * 64 + BATCH_NORM) * 64
        + (4 * 4 * 64 + BATCH_NORM) * 128,
        (128 + BATCH_NORM) * 128 + (128 + 1) * 7,
        128 + 1,
        (7 + 5 + BATCH_NORM) * 128
        + (128 + BATCH_NORM) * 4 * 4 * 64
        + (16 * 64 + BATCH_NORM) * 64
        + (16 * 64 + BATCH_NORM) * 32
        + (16 * 32 + BATCH_NORM) * 32
        + (16 * 32 + 1) * 1,
    ),
    ("table_6", (64, 64, 1), 7, 128): (
        (16 * 1 + 1) * 64
        + (16 * 64 + BATCH_NORM) * 128
        + (16 * 128 + BATCH_NORM) * 256
        + 2 * (16 * 256 + BATCH_NORM) * 256
        + (8 * 8 * 256 + BATCH_NORM) * 1024,
        (1024 + BATCH_NORM) * 128 + (128 + 1) * 7,
        1024 + 1,
        (7 + 128 + BATCH_NORM) * 1024
        + (1024 + BATCH_NORM) * 8 * 8 * 256
        + 2 * (16 * 256 + BATCH_NORM) * 256
        + (16 * 256 + BATCH_NORM) * 128
        + (16 * 128 + BATCH_NORM) * 64
        + (16 * 64 + 1) * 1,
    ),
}


@pytest.mark.parametrize(("table", "shape", "codes", "noise"), COUNTS)
def test_networks_have_the_tables_numbers_of_weights(table, shape, codes, noise):
    sizes = ARCHITECTURES[table]
    encoder = gan_networks.encoder(shape, codes, sizes)
    others = gan_networks.discriminator(sizes.units), gan_networks.generator(shape, codes + noise, sizes)
    counts = tuple(network.count_params() for network in (*encoder.layers, *others))
    assert counts == COUNTS[table, shape, codes, noise]
    assert encoder.output_shape == (None, codes)
    assert others[1].output_shape == (None, *shape)


def test_a_critic_has_no_batch_norm_in_its_trunk_and_layer_norm_before_its_features():
    critic = gan_networks.encoder((64, 64, 1), 7, ARCHITECTURES["table_5"], critic=True)
    trunk, head = critic.layers
    # Biases where the batch norms were; they are void before layer norm in nothing but their mean.
    expected = (
        (16 + 1) * 32
        + (16 * 32 + 1) * 32
        + (16 * 32 + 1) * 64
        + (16 * 64 + 1) * 64
        + (4 * 4 * 64 + 1 + LAYER_NORM) * 128
    )
    assert trunk.count_params() == expected
    assert head.count_params() == COUNTS["table_5", (64, 64, 1), 7, 5][1]


def test_order_of_norms_and_activations():
    trunk = gan_networks.encoder((28, 28, 1), 12, ARCHITECTURES["table_4"]).layers[0]
    kinds = [type(layer).__name__ for layer in trunk.layers]
    assert kinds == [
        *("Conv2D", "LeakyReLU"),
        *("Conv2D", "BatchNormalization", "LeakyReLU"),
        *("Flatten", "Dense", "BatchNormalization", "LeakyReLU"),
    ]
    slopes = {
        table: [
            layer.negative_slope
            for layer in gan_networks.generator((64, 64, 1), 9, ARCHITECTURES[table]).layers
            if isinstance(layer, keras.layers.LeakyReLU)
        ]
        for table in ("table_4", "table_5")
    }
    assert slopes == {"table_4": [0.0] * 3, "table_5": pytest.approx([0.0, 0.0, 0.1, 0.1, 0.1])}


def test_table_4_takes_padded_digits_too():
    generator = gan_networks.generator((32, 32, 1), 74, ARCHITECTURES["table_4"])
    grid = next(layer for layer in generator.layers if isinstance(layer, keras.layers.Reshape)).output.shape
    assert (grid, generator.output_shape) == ((None, 8, 8, 128), (None, 32, 32, 1))
    images = generator(np.random.default_rng(0).normal(0, 9, (3, 74)))
    assert 0 <= np.min(images) < np.max(images) <= 1


def test_weights_follow_from_the_seed():
    one, same, other = (
        gan_networks.generator((4, 4, 1), 5, tiny.GAN_SIZES, seed=seed).get_weights() for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])
    assert not np.array_equal(one[0].ravel()[:20], one[5].ravel()[:20])


@pytest.mark.parametrize("table", ARCHITECTURES)
def test_images_of_any_size_are_cropped_from_a_larger_grid(table):
    sizes, shape = ARCHITECTURES[table], (21, 13, 2)
    encoder = gan_networks.encoder(shape, 12, sizes)
    generator = gan_networks.generator(shape, 12, sizes)
    assert encoder.input_shape == generator.output_shape == (None, *shape)
    # The middle of what the same weights draw for the next larger sizes.
    larger = [-(-size // sizes.generator_stride) * sizes.generator_stride for size in shape[:2]]
    whole = gan_networks.generator((*larger, 2), 12, sizes)
    whole.set_weights(generator.get_weights())
    codes = np.random.default_rng(0).normal(size=(2, 12)).astype(np.float32)
    top, left = ((size - wanted) // 2 for size, wanted in zip(larger, shape[:2], strict=True))
    expected = whole(codes).numpy()[:, top : top + 21, left : left + 13]
    np.testing.assert_array_equal(generator(codes), expected)


@pytest.mark.parametrize("make", [gan_networks.encoder, gan_networks.generator])
def test_vectors_are_refused(make):
    with pytest.raises(ValueError, match=r"the only data that GANs take. Received: image_shape=\(5,\)"):
        make((5,), 12, ARCHITECTURES["table_4"])
