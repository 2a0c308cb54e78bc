"""On a Ray of this machine, with programs that need no TensorFlow."""

import os
import sys
from functools import partial
from types import SimpleNamespace

import pytest

from tfvae.studies import on_ray as module
from tfvae.studies.on_ray import on_ray
from tfvae.studies.processes import Task


class LateError(Exception):
    """What Ray raises when its own limit of 30 seconds is over."""

    def __init__(self):
        super().__init__("The current node timed out during startup.")


class Ray:
    """Stands for Ray: fails to start a number of times."""

    def __init__(self, failures):
        self.failures = failures
        self.calls = []

    def init(self, **arguments):
        self.calls.append("init")
        self.arguments = arguments
        if self.calls.count("init") <= self.failures:
            raise LateError

    def shutdown(self):
        self.calls.append("shutdown")


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install tfvae\[ray\]"):
        list(on_ray([], address="local"))


def test_a_local_cluster_is_started_again_when_it_is_late(monkeypatch):
    ray = Ray(failures=2)
    monkeypatch.setitem(sys.modules, "ray", ray)
    environment = {"RAY_raylet_start_wait_time_s": "7"}
    monkeypatch.setattr(os, "environ", environment)
    assert module._connected("local", 2) is ray
    assert ray.calls == ["init", "shutdown", "init", "shutdown", "init"]
    assert ray.arguments["num_cpus"] == 2
    assert environment["RAY_raylet_start_wait_time_s"] == "7"  # the user's own limit is kept
    assert environment["RAY_agent_register_timeout_ms"] == "300000"


def test_a_local_cluster_that_never_starts_is_an_error(monkeypatch):
    ray = Ray(failures=10)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(os, "environ", {})
    with pytest.raises(LateError):
        module._connected("local", None)
    assert ray.calls.count("init") == 5


def test_a_cluster_of_others_keeps_its_limits_and_is_not_tried_again(monkeypatch):
    ray = Ray(failures=1)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(os, "environ", {})
    with pytest.raises(LateError):
        module._connected("auto", None)
    assert (ray.calls, os.environ) == (["init"], {})


class Inline:
    """Stands for Ray: runs each task where it is waited for."""

    exceptions = SimpleNamespace(RayError=LateError)

    def remote(self, **options):
        return lambda run: SimpleNamespace(remote=lambda *arguments: partial(run, *arguments))

    def wait(self, running, num_returns):
        return running[:1], running[1:]

    def get(self, task):
        return task()

    def cancel(self, task, force):
        pass

    def shutdown(self):
        pass


def test_a_program_is_stopped_after_its_time_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_connected", lambda address, cores: Inline())
    monkeypatch.setattr(module, "GRACE", 1.0)
    ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('runs'); time.sleep(120)"
    saving = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); time.sleep(120)"
    tasks = [Task(name, ("-c", code), tmp_path / name) for name, code in (("hangs", ignoring), ("saves", saving))]
    found = {task.name: problem for task, problem in on_ray(tasks, address="local", time_limit=4)}
    assert found["hangs"].startswith("stopped after its time limit of 4 s (killed by SIGKILL)")
    assert found["hangs"].endswith("runs")
    assert found["saves"].startswith("stopped after its time limit of 4 s (exit code 143)")


@pytest.mark.filterwarnings("ignore")  # of Ray's own
def test_programs_run_side_by_side_and_report_what_fails(tmp_path):
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
    found = {task.name: problem for task, problem in on_ray(tasks, address="local", processes=2)}
    assert (found["a"], found["b"]) == ("", "")
    assert found["bad"].endswith("KeyError: 'here'")
    assert [(tmp_path / f"{name}.txt").read_text().strip() for name in "ab"] == ["1", "1"]
