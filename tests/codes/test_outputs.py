import numpy as np
import pytest

from tfvae.codes import Codes, latent_kl
from tfvae.codes.outputs import centred, checked_outputs
from tfvae.metrics.scoring import score


def test_outputs_are_float32_arrays_by_name():
    found = checked_outputs({"mean": [[1, 2]], "log_variance": None, "probabilities": [[0.25, 0.75]], "z": 3}, 1)
    assert {name: array.tolist() for name, array in found.items()} == {
        "mean": [[1, 2]],
        "probabilities": [[0.25, 0.75]],
    }
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", ["log_variance", "value_indices"])
def test_outputs_of_each_code_have_as_many_columns_as_codes(name):
    with pytest.raises(ValueError, match=r"as many columns as codes, one row an image\. Received: shape=\(1, 3\)"):
        checked_outputs({"mean": [[1, 2]], name: [[0, 1, 1]]}, 1)


def test_an_array_is_the_means():
    np.testing.assert_array_equal(checked_outputs(np.eye(3), 3)["mean"], np.eye(3))


CODES = np.random.default_rng(0).normal(size=(400, 2))


@pytest.mark.parametrize("offset", [1e5, -1e7, 1.7e9])
def test_a_large_offset_of_codes_does_not_change_a_score(offset):
    factors = np.digitize(CODES, [-1, 0, 1])
    for log_variance in (None, np.full_like(CODES, -4.0)):
        plain, shifted = (
            score(codes, factors, metrics=["mig", "sap"], log_variance=log_variance)
            for codes in (CODES, CODES + np.array([offset, 0]))
        )
        # float64 keeps at least six digits of the numbers after the offset.
        for name in plain:
            assert shifted[name]["score"] == pytest.approx(plain[name]["score"], abs=2e-3)


def test_centred_codes_keep_what_float32_would_round_away():
    far = CODES * [1e-3, 1] + np.array([1e4, 99])
    middle = (far.min(axis=0) + far.max(axis=0)) / 2
    near, offset = centred(far)
    np.testing.assert_allclose(near[:, 0], far[:, 0] - middle[0], rtol=1e-12)
    np.testing.assert_array_equal(near[:, 1], far[:, 1])
    np.testing.assert_allclose(offset, [middle[0], 0], rtol=1e-12)
    seconds, offset = centred(1_700_000_000 + np.arange(5)[:, np.newaxis])
    np.testing.assert_array_equal(seconds[:, 0], [-2, -1, 0, 1, 2])
    assert offset == 1_700_000_002


@pytest.mark.parametrize(
    ("low", "dtype"), [(2**62, np.int64), (-(2**63), np.int64), (2**64 - 1001, np.uint64), (2**31 - 1001, np.int32)]
)
def test_large_integers_keep_their_digits(low, dtype):
    # Above 2**53, float64 would make neighbours equal.
    codes = np.array([[low + row, row] for row in range(1000)], dtype)
    near, offset = centred(codes)
    np.testing.assert_array_equal(near[:, 0], np.arange(1000) - 499.5)
    np.testing.assert_array_equal(near[:, 1], np.arange(1000))
    np.testing.assert_allclose(offset, [low + 499.5, 0])


def test_integers_of_the_whole_range_stay_as_they_are():
    codes = np.array([[-(2**63)], [0], [2**63 - 1]])
    assert centred(codes)[0] is codes


@pytest.mark.parametrize(
    "codes",
    [
        np.float32(CODES + 1e6),  # has lost its digits already
        np.float32(CODES + 1e6).astype(np.float64),
        CODES + 50,
        np.full((9, 2), 1e7),
        1e7 + 1e-9 * CODES,  # constant but for rounding
        np.array([[1e7, np.nan], [1e7 + 1, 0]]),
    ],
)
def test_other_codes_stay_as_they_are(codes):
    found, offset = centred(codes)
    assert found is codes
    assert offset == 0


def test_the_kl_of_centred_means_is_that_of_the_given_means():
    mean, log_variance = CODES + np.array([1e9, 0]), np.array([[0.0, -1.0]]).repeat(400, axis=0)
    codes = Codes.from_arrays(np.empty(400), mean, log_variance)
    expected = np.mean(0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1), axis=0)
    np.testing.assert_allclose(latent_kl(codes.outputs(np.arange(400))), expected, rtol=1e-6)
    # The means kept are those without the offset, to float32's rounding of numbers of their size.
    np.testing.assert_allclose(np.ptp(codes.means(np.arange(400)), axis=0), np.ptp(mean, axis=0), rtol=1e-6)
    for rule in ("information", "kl", "spread", "all"):
        assert Codes.from_arrays(np.empty(400), mean, log_variance, active=rule).active_latents().tolist() == [
            True,
            True,
        ]
    # The prior itself, but for its offset.
    shifted = 1e5 + 1e-3 * CODES, log_variance
    kept = {
        rule: Codes.from_arrays(np.empty(400), *shifted, active=rule).active_latents()[0]
        for rule in ("kl", "information")
    }
    assert kept == {"kl": True, "information": False}
