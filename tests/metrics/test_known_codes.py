import numpy as np
import pytest

from tfvae.data import FactorSpace
from tfvae.metrics import score_codes
from tfvae.metrics.known_codes import known_codes

# Columns of the table that tools/known_codes.py prints: mig, modularity, irs, factor_vae.
EXPECTED = {
    "identity": (1, 1, 1, 1),
    "permuted and rescaled": (1, 1, 1, 1),
    "with dead latents": (1, 1, 1, 1),
    "duplicated": (0, 1, 1, 1),
    "one factor missing": (0.75, 1, 1, 0.75),
    "constant": (0, 0, 0, 0.25),
}


@pytest.fixture(scope="module")
def codes():
    space = FactorSpace(("one", *"abcd"), (np.ones(1), np.arange(3), np.arange(4), np.arange(6), np.arange(7)))
    return known_codes(space, np.random.default_rng(0))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_known_scores(codes, name):
    metrics = ("mig", "modularity", "irs", "factor_vae")
    scores = [result["score"] for result in score_codes(codes[name], metrics).values()]
    # Five times 800 votes: 0.0068 where the truth is 3/4.
    assert scores == pytest.approx(EXPECTED[name], abs=4 * 0.0068)


def test_noise_is_uninformative_and_a_rotation_keeps_distances(codes):
    assert score_codes(codes["noise"], ["factor_vae"])["factor_vae"]["score"] == pytest.approx(0.25, abs=5 * 0.0068)
    rotated = codes["rotated"].means(np.arange(504)).astype(float)
    identity = codes["identity"].means(np.arange(504)).astype(float)
    np.testing.assert_allclose(rotated @ rotated.T, identity @ identity.T, atol=1e-5)
    assert score_codes(codes["rotated"], ["mig"])["mig"]["score"] < 0.5
