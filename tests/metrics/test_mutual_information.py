import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import mutual_information_score
from tfvae.metrics.mutual_information import binned_codes, entropies, mutual_information


def test_equals_scikit_learn_and_naive_sums():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (300, 2)), rng.integers(0, 3, (300, 3))
    second[:, 0] = first[:, 0] % 3
    information = mutual_information(first, second)
    for a in range(2):
        for b in range(3):
            assert information[a, b] == pytest.approx(mutual_info_score(first[:, a], second[:, b]), abs=1e-12)
    joint = [np.mean((first[:, 0] == x) & (second[:, 0] == y)) for x in range(5) for y in range(3)]
    naive = sum(p * np.log(p) for p in joint if p > 0) + entropies(first)[0] + entropies(second)[0]
    assert information[0, 0] == pytest.approx(naive, abs=1e-12)


def test_entropy_of_equal_shares_is_the_logarithm():
    np.testing.assert_allclose(entropies(np.arange(12)[:, None] % 4), np.log(4))


def test_bins_are_numpys():
    values = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    for latent in range(3):
        edges = np.histogram(values[:, latent].astype(float), 20)[1]
        expected = np.digitize(values[:, latent].astype(float), edges[:-1]) - 1
        np.testing.assert_array_equal(binned_codes(values, 20)[:, latent], expected)
    np.testing.assert_array_equal(np.bincount(binned_codes(values, 20, "quantile")[:, 0]), 25)


def test_copies_share_their_entropy():
    # Of three latents two are copies: 2 of 6 ordered pairs have log 5.
    data = grid((5, 5))
    f = scaled_factors(data)
    result = mutual_information_score(Codes.from_arrays(data, f[:, [0, 0, 1]]), np.random.default_rng(0))
    assert result["score"] == pytest.approx(np.log(5) / 3)


def test_quantiles_do_not_see_an_increasing_function():
    data = grid((9, 8, 7))
    mean = scaled_factors(data) @ np.random.default_rng(0).normal(size=(3, 3))
    bent = np.exp(3 * mean)
    plain, after = (
        mutual_information_score(Codes.from_arrays(data, codes), np.random.default_rng(0), binning="quantile")["score"]
        for codes in (mean, bent)
    )
    assert plain == pytest.approx(after, abs=1e-9)


@pytest.mark.parametrize(("parameters", "message"), [({"bins": 1}, "bins=1"), ({"binning": "even"}, "'even'")])
def test_refuses_parameters_out_of_range(parameters, message):
    data = grid((3, 4))
    with pytest.raises(ValueError, match=message):
        mutual_information_score(Codes.from_arrays(data, scaled_factors(data)), np.random.default_rng(0), **parameters)
