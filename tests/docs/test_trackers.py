"""The guide's calls of experiment trackers, with stand-ins that take what the real callbacks take."""

import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import keras
import numpy as np
import pytest

import tfvae
from tests.docs.pages import ROOT, blocks


class Recorder(keras.callbacks.Callback):
    def __init__(self, received):
        super().__init__()
        self.received = received

    def on_epoch_end(self, epoch, logs=None):
        self.received.append(dict(logs))


@pytest.fixture
def received(monkeypatch):
    """What trackers receive: logs of epochs, and what is logged by hand."""
    found = {"epochs": [], "logged": {}, "config": {}}

    @contextmanager
    def begun(project=None, config=()):
        found["config"].update(config)
        yield SimpleNamespace(log=found["logged"].update)

    modules = {name: ModuleType(name) for name in ("wandb", "wandb.integration", "wandb.integration.keras")}
    modules |= {name: ModuleType(name) for name in ("mlflow", "mlflow.keras")}
    modules["wandb"].init = begun
    modules["wandb.integration.keras"].WandbMetricsLogger = lambda: Recorder(found["epochs"])
    modules["mlflow"].start_run = begun
    modules["mlflow"].log_params = found["config"].update
    modules["mlflow"].log_metric = lambda name, value: found["logged"].update({name: value})
    modules["mlflow.keras"].MlflowCallback = lambda: Recorder(found["epochs"])
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


@pytest.mark.parametrize("tracker", ["wandb", "mlflow"])
def test_a_tracker_gets_the_terms_of_the_objective_and_the_score(tracker, received, workplace, eager):
    first, *others = blocks("docs/guides/trackers.md", "python")
    names = {}
    exec(first.code, names)
    (code,) = [block.code for block in others if f"import {tracker}" in block.code]
    exec(code, names)
    assert len(received["epochs"]) == 2
    for logs in received["epochs"]:
        assert set(logs) == set(tfvae.FactorVAE.logged)
        assert np.isfinite(list(logs.values())).all()
    assert received["logged"]["mutual_information"] >= 0
    assert received["config"] == {"model": "factor_vae", "gamma": 10.0}


def test_the_guide_names_what_is_logged():
    page = (ROOT / "docs" / "guides" / "trackers.md").read_text()
    named = {name for cls in (tfvae.VAE, tfvae.FactorVAE) for name in cls.logged}
    assert [name for name in named if f"`{name}`" not in page] == []
