import numpy as np
import pytest

from tests.metrics.reference import grid
from tfvae.metrics.sampling import over_repeats, scored_columns, subset


def test_scored_columns_leave_out_factors_of_one_value():
    np.testing.assert_array_equal(scored_columns(grid((1, 3, 1, 4))), [1, 3])


def test_one_factor_is_no_task():
    with pytest.raises(ValueError, match=r"at least two factors.*\('factor1',\)"):
        scored_columns(grid((1, 3)))


def test_subset_is_uniform_without_repeats():
    rng = np.random.default_rng(0)
    draws = np.array([subset(10, 4, rng) for _ in range(2000)])
    assert all(len(set(draw)) == 4 for draw in draws.tolist())
    # Each index is in 0.4 of the draws: 5 standard errors of 2,000 draws are 0.055.
    np.testing.assert_allclose(np.bincount(draws.ravel(), minlength=10) / 2000, 0.4, atol=0.055)
    np.testing.assert_array_equal(subset(10, 11, rng), np.arange(10))


def test_over_repeats_is_mean_and_standard_error():
    draws = iter([(0.5, 1.0), (0.7, 0.9), (0.9, 0.8)])
    result = over_repeats(lambda: next(draws), 3, 100)
    # Sample standard deviation 0.2.
    assert result == pytest.approx({"score": 0.7, "standard_error": 0.2 / 3**0.5, "train_accuracy": 0.9})


def test_standard_error_of_one_repeat_is_the_binomial():
    assert over_repeats(lambda: (0.2, 0.3), 1, 400)["standard_error"] == pytest.approx(0.02)
    with pytest.raises(ValueError, match="repeats=0"):
        over_repeats(lambda: (0.2, 0.3), 0, 400)
