"""Short runs, and what is in their folders."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.data import paired
from tfvae.models import MODELS
from tfvae.training.train import train

ROOT = Path(__file__).parents[2]
ADAM = {"optimizer": {"learning_rate": 1e-3}}
GANS = {
    "info_gan": {"architecture": "table_5", "parameters": {"categories": 3, "noise_dim": 5}},
    "info_wgan_gp": {"architecture": "table_5", "parameters": {"categories": 3, "noise_dim": 5, "n_critic": 2}},
}


def run(experiment, workdir, **kwargs):
    return train(experiment, workdir, progress=False, **({"data": data_of(experiment.model)} | kwargs))


def data_of(model):
    """Data that a model of this name trains on."""
    return paired(tiny.Blobs(), "consecutive") if getattr(MODELS.get(model), "paired", False) else tiny.Blobs()


def state(model):
    return np.concatenate([tiny.weights(model), tiny.optimizer_state(model)])


def scalars(workdir):
    """The scalars that TensorBoard shows: {name: {step: value}}."""
    shown = {}
    for file in sorted((workdir / "logs").iterdir()):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                shown.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
    return shown


def logged(workdir):
    """The steps of the log entries in the event files, each as often as it was written."""
    events = [
        tf.compat.v1.Event.FromString(record.numpy())
        for file in (workdir / "logs").iterdir()
        for record in tf.data.TFRecordDataset(str(file))
    ]
    return sorted(event.step for event in events for value in event.summary.value if value.tag == "loss")


def checkpoints(workdir):
    """The steps from which the run can resume."""
    return sorted(int(path.stem.removeprefix("step-")) for path in (workdir / "checkpoints").glob("*.index"))


def assert_same_scalars(workdir, expected):
    shown, expected = scalars(workdir), scalars(expected)
    assert set(shown) == set(expected)
    for name, values in shown.items():
        assert values == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failing_data(at):
    def fail(calls):
        if calls == at:
            raise OSError("the disk is gone")

    return {"data": tiny.Blobs(before=fail)}
