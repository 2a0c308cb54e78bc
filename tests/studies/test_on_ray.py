"""On a Ray of this machine, with programs that need no TensorFlow."""

import gc
import importlib

import pytest

from tfvae.studies import on_ray as module
from tfvae.studies.on_ray import on_ray
from tfvae.studies.processes import Task


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install tfvae\[ray\]"):
        list(on_ray([], address="local"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray's own
def test_programs_run_side_by_side_and_tell_what_fails(tmp_path):
    meet = (  # each waits for the other, so that they end only if they run at once
        "import pathlib, time; here, there = (pathlib.Path({folder!r}) / name for name in {names}); here.touch()\n"
        "while not there.exists(): time.sleep(0.05)\n"
        "import os; print(os.environ['OMP_NUM_THREADS'])"
    )
    folder = str(tmp_path)
    codes = {
        "a": meet.format(folder=folder, names=("a", "b")),
        "b": meet.format(folder=folder, names=("b", "a")),
        "bad": "raise KeyError('here')",
    }
    tasks = [Task(name, ("-c", code), tmp_path / f"{name}.txt") for name, code in codes.items()]
    try:
        found = dict(_found(tasks))
    except Exception as error:
        if "timed out during startup" not in str(error):
            raise
        # Ray was seen to start all of its processes but the one that runs programs, and to wait for it in vain.
        importlib.import_module("ray").shutdown()
        gc.collect()  # the processes that it left warn here, and not in the next test
        found = dict(_found(tasks))
    assert (found["a"], found["b"]) == ("", "")
    assert found["bad"].endswith("KeyError: 'here'")
    assert [(tmp_path / f"{name}.txt").read_text().strip() for name in "ab"] == ["1", "1"]


def _found(tasks):
    return ((task.name, problem) for task, problem in on_ray(tasks, address="local", processes=2))
