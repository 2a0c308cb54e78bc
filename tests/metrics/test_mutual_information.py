import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.codes import Codes
from tfvae.metrics import mutual_information_score


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
def test_rejects_parameters_out_of_range(parameters, message):
    data = grid((3, 4))
    with pytest.raises(ValueError, match=message):
        mutual_information_score(Codes.from_arrays(data, scaled_factors(data)), np.random.default_rng(0), **parameters)
