import pytest

from tests import tiny
from tests.training.runs import run, state


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory):
    """The folder of a run of 8 steps, and its state at the end."""
    workdir = tmp_path_factory.mktemp("uninterrupted") / "run"
    return workdir, state(run(tiny.experiment(), workdir))
