import numpy as np
import pytest

from tests.metrics.reference import grid
from tfvae.data import FactorTable
from tfvae.metrics.sampling import (
    binned,
    over_draws,
    over_repeats,
    over_splits,
    quantile_bins,
    scored_columns,
    standardised,
)


def test_scored_columns_leave_out_factors_of_one_value():
    np.testing.assert_array_equal(scored_columns(grid((1, 3, 1, 4))), [1, 3])


def test_rejects_data_with_one_factor():
    with pytest.raises(ValueError, match=r"at least two factors.*\('factor1',\)"):
        scored_columns(grid((1, 3)))


def test_over_repeats_is_mean_and_standard_error():
    draws = iter([(0.5, 1.0), (0.7, 0.9), (0.9, 0.8)])
    result = over_repeats(lambda: next(draws), 3, 100)
    # Sample standard deviation 0.2.
    assert result == pytest.approx({"score": 0.7, "standard_error": 0.2 / 3**0.5, "train_accuracy": 0.9})


def test_standard_error_of_one_repeat_is_the_binomial():
    assert over_repeats(lambda: (0.2, 0.3), 1, 400)["standard_error"] == pytest.approx(0.02)
    with pytest.raises(ValueError, match="repeats=0"):
        over_repeats(lambda: (0.2, 0.3), 0, 400)


def test_quantile_bins_hold_equally_many_but_ties():
    values = np.random.default_rng(0).permutation(40) * 0.1
    np.testing.assert_array_equal(np.bincount(quantile_bins(values, 4)), 10)
    np.testing.assert_array_equal(quantile_bins(np.sort(values), 4), np.arange(40) // 10)
    assert set(quantile_bins(np.array([1.0, 1, 1, 2]), 2)) == {0, 1}
    assert len(set(quantile_bins(np.array([1.0, 1, 1, 2]), 2)[:3])) == 1


def test_only_continuous_factors_are_binned():
    values = np.random.default_rng(0).uniform(size=60)
    table = FactorTable(("kind", "size"), np.stack([np.arange(60) % 3, values], axis=1))
    factors = binned(table, 4)
    assert factors.sizes == (3, 4)
    np.testing.assert_array_equal(factors.to_factors(np.arange(60))[:, 1], quantile_bins(values, 4))
    assert binned(factors, 4) is factors
    with pytest.raises(ValueError, match="bins=1"):
        binned(table, 1)


def test_standardised_by_the_first():
    rng = np.random.default_rng(0)
    train, test = rng.normal(3, 5, (50, 3)).astype(np.float32), rng.normal(size=(20, 3)).astype(np.float32)
    train[:, 1] = 7
    first, second = standardised(train, test)
    np.testing.assert_allclose(first[:, [0, 2]].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(first[:, [0, 2]].std(axis=0), 1)
    np.testing.assert_allclose(
        second[:, 0], (test[:, 0] - train[:, 0].astype(float).mean()) / train[:, 0].astype(float).std()
    )
    assert not first[:, 1].any()


def test_the_error_of_draws_is_that_of_their_mean():
    population = np.random.default_rng(0).normal(size=20_000)

    def measure(indices):
        assert len(set(indices.tolist())) == 100
        return {"score": population[indices].mean(), "twice": [2.0, population[indices].mean()]}

    results = [over_draws(measure, 20_000, 100, 6, np.random.default_rng(seed)) for seed in range(60)]
    # The mean of 600 has an error of 1/sqrt(600), and the spread of 60 such means one of 9%.
    assert np.std([result["score"] for result in results]) == pytest.approx(600**-0.5, rel=0.36)
    assert np.mean([result["standard_error"] ** 2 for result in results]) ** 0.5 == pytest.approx(600**-0.5, rel=0.2)
    assert results[0]["twice"] == [2.0, pytest.approx(results[0]["score"])]


def test_the_error_for_all_images_is_the_bootstraps():
    sample = np.random.default_rng(0).normal(size=400)

    def measure(indices):
        return {"score": sample[indices].mean()}

    result = over_draws(measure, 400, 400, 200, np.random.default_rng(0))
    assert result["score"] == pytest.approx(sample.mean())
    # The closed form; the error of 200 resamples is 5%.
    assert result["standard_error"] == pytest.approx(sample.std() / 20, rel=0.2)


def test_splits_are_disjoint_and_keep_their_proportion():
    def measure(train, test):
        assert not set(train.tolist()) & set(test.tolist())
        return {"score": 0.0, "train": len(train), "test": len(test)}

    sizes = {
        size: [over_splits(measure, size, 60, 30, 2, np.random.default_rng(0))[part] for part in ("train", "test")]
        for size in (2, 3, 45, 90, 1_000)
    }
    assert sizes == {2: [1, 1], 3: [2, 1], 45: [30, 15], 90: [60, 30], 1_000: [60, 30]}
    # For few training and many test images, the proportion would leave almost no training images.
    for size, expected in {60: [30, 30], 100: [40, 60]}.items():
        result = over_splits(measure, size, 40, 5_000, 2, np.random.default_rng(0))
        assert [result["train"], result["test"]] == expected


def test_rejects_too_few_draws():
    def measure(*indices):
        return {"score": 0.0}

    rng = np.random.default_rng(0)
    for call in (
        lambda: over_draws(measure, 10, 5, 1, rng),
        lambda: over_draws(measure, 10, 1, 5, rng),
        lambda: over_splits(measure, 10, 5, 5, 1, rng),
        lambda: over_splits(measure, 10, 0, 5, 2, rng),
        lambda: over_splits(measure, 1, 5, 5, 2, rng),
    ):
        with pytest.raises(ValueError, match=r"Expected .*Received"):
            call()
