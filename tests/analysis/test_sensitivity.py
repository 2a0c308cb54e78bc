import inspect
import zlib

import numpy as np
import pytest

from tests.metrics.reference import grid
from tfvae.analysis.sensitivity import FIGURE_16, FIGURE_17, sensitivity
from tfvae.codes import Codes
from tfvae.metrics import METRICS, factor_vae_score


@pytest.fixture(scope="module")
def codes():
    data = grid((4, 4, 4))
    factors = data.factors.to_factors(np.arange(64))
    return Codes.from_arrays(data, factors + np.random.default_rng(0).normal(size=factors.shape))


def test_each_score_is_the_metrics_own(codes):
    grid = {"batch": (3, 20), "votes": (10, 50, 200)}
    fixed = {"repeats": 1, "evaluation_votes": 60}
    found = sensitivity(codes, "factor_vae", grid, fixed=fixed, seeds=2, seed=5)
    for row, batch in enumerate(grid["batch"]):
        for column, votes in enumerate(grid["votes"]):
            expected = [
                factor_vae_score(
                    codes,
                    np.random.default_rng([5, zlib.crc32(b"factor_vae"), draw]),
                    batch=batch,
                    votes=votes,
                    **fixed,
                )["score"]
                for draw in range(2)
            ]
            assert found.scores[row, column].tolist() == expected
            assert found.mean[row, column] == pytest.approx(np.mean(expected))
            assert found.standard_deviation[row, column] == pytest.approx(np.std(expected, ddof=1))
    # Of 3 images the latent that is still is often another; of 20 it is found.
    assert (found.mean[1] > found.mean[0]).all()


def test_the_beta_vae_metric_improves_with_adagrads_iterations_as_in_figure_16(codes):
    fixed = {"classifier": "adagrad", "train": 100, "evaluation": 200, "repeats": 1}
    found = sensitivity(codes, "beta_vae", {"pairs": (5, 20), "iterations": (5, 2_000)}, fixed=fixed, seeds=3)
    assert (found.mean[:, 1] > found.mean[:, 0] + 0.1).all()


@pytest.mark.parametrize("figure", [FIGURE_16, FIGURE_17])
def test_the_papers_parameters_are_those_of_its_metrics(figure):
    known = inspect.signature(METRICS[figure["metric"]].function).parameters
    assert {*figure["grid"], *figure["fixed"]} <= set(known)


def test_says_what_is_wrong(codes):
    with pytest.raises(ValueError, match="metric='mig2'"):
        sensitivity(codes, "mig2", {})
    with pytest.raises(ValueError, match="Expected two parameters"):
        sensitivity(codes, "factor_vae", {"batch": (2,)})
    with pytest.raises(TypeError, match="btch"):
        sensitivity(codes, "factor_vae", {"btch": (2,), "votes": (3,)})
