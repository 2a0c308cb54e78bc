from itertools import product

import numpy as np
import pytest
import tensorflow as tf

from tfvae.objectives.support import factorised_support_distance


def by_loops(codes):
    """The distance, with a, b and c of each pair of latents in the order in which loops find them."""
    total, found = 0.0, []
    size, dim = codes.shape
    for i in range(dim):
        for j in range(i + 1, dim):
            worst = (-1.0, None)
            for a, b in product(range(size), repeat=2):
                distances = [(codes[a, i] - z[i]) ** 2 + (codes[b, j] - z[j]) ** 2 for z in codes]
                c = int(np.argmin(distances))
                if distances[c] > worst[0]:
                    worst = distances[c], (i, j, a, b, c)
            total += worst[0]
            found.append(worst[1])
    return total, found


@pytest.mark.parametrize(("size", "dim"), [(1, 3), (2, 2), (7, 4), (12, 3)])
@pytest.mark.parametrize("compiled", [None, False, True], ids=["eager", "graph", "xla"])
def test_the_distance_and_its_gradient_are_those_of_loops(size, dim, compiled):
    codes = np.random.default_rng(0).normal(size=(size, dim)) @ np.random.default_rng(1).normal(size=(dim, dim))
    expected, found = by_loops(codes)
    slopes = np.zeros_like(codes)
    for i, j, a, b, c in found:
        for latent, row in ((i, a), (j, b)):
            slope = 2 * (codes[row, latent] - codes[c, latent])
            slopes[row, latent] += slope
            slopes[c, latent] -= slope

    def both(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            distance = factorised_support_distance(z)
        return distance, tf.convert_to_tensor(tape.gradient(distance, z))

    if compiled is not None:
        both = tf.function(both, jit_compile=compiled)
    distance, gradient = both(tf.constant(codes, tf.float32))
    np.testing.assert_allclose(distance, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-4, atol=1e-5)


def test_a_grid_of_codes_has_a_factorised_support_and_its_diagonal_has_not():
    grid = np.float32(list(product([-1.0, 0.0, 2.0], [0.0, 3.0], [1.0, 5.0])))
    assert factorised_support_distance(tf.constant(grid)) == 0
    # Whatever the number of copies of each code is.
    copies = np.repeat(grid, np.random.default_rng(0).integers(1, 5, len(grid)), axis=0)
    assert factorised_support_distance(tf.constant(copies)) == 0
    # From a corner of [0, 4]^2, the middle of the diagonal is nearest.
    line = np.linspace(0, 4, 9, dtype=np.float32)
    assert float(factorised_support_distance(tf.constant(np.stack([line, line], axis=1)))) == pytest.approx(8.0)


def test_one_latent_has_no_pairs():
    assert factorised_support_distance(tf.ones([4, 1])) == 0
