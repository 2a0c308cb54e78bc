import numpy as np

from tfvae.codes.subset import subset


def test_subset_is_uniform_without_repeats():
    rng = np.random.default_rng(0)
    draws = np.array([subset(10, 4, rng) for _ in range(2000)])
    assert all(len(set(draw)) == 4 for draw in draws.tolist())
    # Each index is in 0.4 of the draws: 5 standard errors of 2,000 draws are 0.055.
    np.testing.assert_allclose(np.bincount(draws.ravel(), minlength=10) / 2000, 0.4, atol=0.055)
    np.testing.assert_array_equal(subset(10, 11, rng), np.arange(10))
