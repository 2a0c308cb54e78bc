import pytest

from tests import tiny
from tests.training.runs import run, state


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory):
    """The folder and the end state of 8 steps."""
    workdir = tmp_path_factory.mktemp("uninterrupted") / "run"
    return workdir, state(run(tiny.experiment(), workdir))
