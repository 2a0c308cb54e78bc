import numpy as np

from tfvae.plots import tiles
from tfvae.plots.generated import plot_reconstructions, reconstructions_under_noise
from tfvae.plots.samples import plot_samples

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(2 + 3 + 2, 5 * 4))
IMAGES = RNG.random((3, 5, 4, 1)).astype(np.float32)


def represent(images):
    return {"mean": images[:, 0, :2, 0], "probabilities": images[:, 1, :3, 0]}


def decode(codes, noise):
    return (1 / (1 + np.exp(-np.hstack([codes, noise]) @ WEIGHTS))).reshape(-1, 5, 4, 1)


def test_reconstructions_combine_each_image_s_code_with_each_noise():
    noise = RNG.normal(size=(4, 2)).astype(np.float32)
    drawn = reconstructions_under_noise(represent, decode, IMAGES, noise)
    for row, image in enumerate(IMAGES):
        category = np.eye(3)[np.argmax(image[1, :3, 0])]
        for column in range(4):
            expected = decode(np.concatenate([image[0, :2, 0], category])[np.newaxis], noise[[column]])[0]
            np.testing.assert_allclose(drawn[row, column], expected, rtol=1e-5)


def test_every_tile_is_in_its_place():
    drawn = tiles.rendered(plot_samples(RNG.random((5, 5, 4, 1)), columns=2, scale=2))
    assert drawn.shape == (20 + 3 * 12 - 2, 20 + 2 * 10 - 2, 3)
    rows = RNG.random((3, 4, 5, 4, 1))
    drawn = tiles.rendered(plot_reconstructions(IMAGES, rows, scale=3))
    for row in range(3):
        for column, image in enumerate([IMAGES[row], *rows[row]]):
            top, left = 10 + 17 * row, 10 + 14 * column
            tile = drawn[top + 1 : top + 14, left + 1 : left + 11]
            np.testing.assert_array_equal(tile, tiles.pixels(image, 3)[1:-1, 1:-1])
            assert (drawn[top - 1, left : left + 10] == tiles.ACCENT).all() == (column == 0)
