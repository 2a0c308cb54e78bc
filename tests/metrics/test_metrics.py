import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.metrics.reference import grid, scaled_factors
from tfvae.evaluation import QUICK
from tfvae.metrics import METRICS, Codes


@pytest.fixture(params=sorted(METRICS))
def name(request):
    return request.param


def test_each_metric_has_its_file_its_test_and_its_quick_parameters(name):
    assert getattr(importlib.import_module(f"tfvae.metrics.{name}"), f"{name}_score") is METRICS[name]
    assert (Path(__file__).parent / f"test_{name}.py").exists()
    assert name in QUICK


def test_same_seed_same_score(name):
    data = grid((3, 4, 5))
    mean = scaled_factors(data) @ np.random.default_rng(0).normal(size=(3, 3))
    codes = Codes.from_arrays(data, mean)

    def results(seed):
        return METRICS[name](codes, np.random.default_rng(seed), **QUICK[name])

    assert json.loads(json.dumps(results(0), allow_nan=False)) == results(0)
    assert len({results(seed)["score"] for seed in range(4)}) > 1


def test_one_factor_is_an_error(name):
    data = grid((6, 1))
    codes = Codes.from_arrays(data, np.arange(6.0)[:, None])
    with pytest.raises(ValueError, match="at least two factors"):
        METRICS[name](codes, np.random.default_rng(0))
