import sys
from importlib.util import find_spec

import pytest

from tfvae.models.build import build_model
from tools.benchmark.step import PAPER, SHAPE, step_flops
from tools.benchmark.timing import Took, alternate
from tools.benchmark.torch_peer import torch_step

# Table 1: pixels of the output times the 4x4 kernel times channels in and out, then the fully connected layers.
CONVOLUTIONS = 16 * (32**2 * 1 * 32 + 16**2 * 32 * 32 + 8**2 * 32 * 64 + 4**2 * 64 * 64)
ENCODER = CONVOLUTIONS + 1024 * 128 + 128 * 20
DECODER = CONVOLUTIONS + 1024 * 128 + 128 * 10
DISCRIMINATOR = 10 * 1000 + 5 * 1000**2 + 1000 * 2


def test_work_is_counted_from_the_tables_of_the_paper():
    model = build_model(PAPER["factor_vae"], SHAPE)
    per_image = 3 * (ENCODER + DECODER) + ENCODER + 7 * DISCRIMINATOR
    assert step_flops(model, PAPER["factor_vae"]) == 2 * 64 * per_image


def test_the_time_that_a_call_reports_is_its_time():
    timing = alternate({"elsewhere": lambda: Took(2.0, 3.0)}, repeats=2, warmup=0)["elsewhere"]
    assert (timing.median, timing.cpu) == (2.0, 3.0)


@pytest.mark.skipif(find_spec("torch") is not None, reason="This Python has torch.")
def test_a_python_without_torch_is_refused():
    with (
        pytest.raises(OSError, match="Expected a Python that has torch"),
        torch_step(sys.executable, "vae", 4, 1, "best"),
    ):
        pass
