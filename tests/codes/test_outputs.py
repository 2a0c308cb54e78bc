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


def test_an_array_is_the_means():
    np.testing.assert_array_equal(checked_outputs(np.eye(3), 3)["mean"], np.eye(3))


CODES = np.random.default_rng(0).normal(size=(400, 2))


@pytest.mark.parametrize("offset", [1e5, -1e7, 1.7e9])
def test_a_large_offset_of_codes_does_not_change_a_score(offset):
    factors = np.digitize(CODES, [-1, 0, 1])
    plain, shifted = (score(codes, factors, metrics=["mig", "sap"]) for codes in (CODES, CODES + np.array([offset, 0])))
    # float64 keeps at least six digits of the numbers after the offset.
    for name in plain:
        assert shifted[name]["score"] == pytest.approx(plain[name]["score"], abs=2e-3)


def test_centred_codes_keep_what_float32_would_round_away():
    far = CODES * [1e-3, 1] + np.array([1e4, 99])
    middle = (far.min(axis=0) + far.max(axis=0)) / 2
    np.testing.assert_allclose(centred(far)[:, 0], far[:, 0] - middle[0], rtol=1e-12)
    np.testing.assert_array_equal(centred(far)[:, 1], far[:, 1])
    seconds = 1_700_000_000 + np.arange(5)[:, np.newaxis]
    np.testing.assert_array_equal(centred(seconds)[:, 0], [-2, -1, 0, 1, 2])


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
    assert centred(codes) is codes


def test_means_with_log_variances_are_not_centred_since_their_kl_depends_on_the_offset():
    codes = Codes.from_arrays(np.empty(400), CODES + 1e4, 0 * CODES)
    assert latent_kl(codes.outputs(np.arange(400))) == pytest.approx([5e7, 5e7], rel=1e-2)
