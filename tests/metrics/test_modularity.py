import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import modularity_score

DATA = grid((4, 4, 4))
F = scaled_factors(DATA)


def score(mean, **parameters):
    return modularity_score(Codes.from_arrays(DATA, mean), np.random.default_rng(0), **parameters)["score"]


def test_known_values():
    assert score(F) == pytest.approx(1)
    assert score(F[:, :1]) == pytest.approx(1)  # the failure mode: factors that no latent encodes
    # A value for each pair of values of two factors is equally informative about both: 1 - 1 / (K - 1).
    assert score(F[:, :1] + 10 * F[:, 1:2], bins=200) == pytest.approx(0.5)
    # Equally informative about all three: 0.
    assert score(F[:, :1] + 10 * F[:, 1:2] + 100 * F[:, 2:], bins=20_000) == pytest.approx(0, abs=1e-12)


def test_equals_naive_loops():
    mean = F @ np.random.default_rng(0).normal(size=(3, 2))
    factors = DATA.factors.to_factors(np.arange(64))
    scores = []
    for latent in np.float32(mean).T.astype(float):
        bins = np.digitize(latent, np.linspace(latent.min(), latent.max(), 6)[:-1])
        squares = []
        for k in range(3):
            joint = np.histogram2d(bins, factors[:, k], [np.arange(1, 7), np.arange(5)])[0] / 64
            outer = joint.sum(1, keepdims=True) * joint.sum(0)
            squares.append(np.sum(joint[joint > 0] * np.log(joint[joint > 0] / outer[joint > 0])) ** 2)
        scores.append(1 - (sum(squares) - max(squares)) / (max(squares) * 2))
    assert score(mean, bins=5) == pytest.approx(np.mean(scores))


def test_a_latent_that_informs_of_no_factor_lowers_the_mean():
    # The parity of two factors: independent of each of them, exactly.
    data = grid((2, 2))
    factors = data.factors.to_factors(np.arange(4))
    mean = np.column_stack([factors[:, 0], factors.sum(axis=1) % 2])
    for latents, expected in (([0], 1), ([0, 1], 0.5), ([1], 0)):
        codes = Codes.from_arrays(data, mean[:, latents])
        assert modularity_score(codes, np.random.default_rng(0))["score"] == pytest.approx(expected)
