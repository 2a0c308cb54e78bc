"""Checkpoints that were damaged on the disk."""

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.training.checkpoints import Checkpoints, fault_of


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with the checkpoints of steps 4 and 8, the weights at these steps, and the model."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    model = tiny.make("vae")
    checkpoints, weights = Checkpoints(model, folder), {}
    for step in (2, 4, 8):
        model.encoder.set_weights([weight + step for weight in model.encoder.get_weights()])
        checkpoints.save(step)
        weights[step] = tiny.weights(model)
    return folder, weights, model


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved[0], tmp_path / "checkpoints")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)


DATA = "step-8.data-00000-of-00001"
DAMAGE = {
    "truncated": lambda folder: (folder / DATA).write_bytes((folder / DATA).read_bytes()[:-100]),
    "empty": lambda folder: (folder / DATA).write_bytes(b""),
    "first_byte": lambda folder: flip(folder / DATA, 0),
    "byte_in_the_middle": lambda folder: flip(folder / DATA, 1000),
    "last_byte": lambda folder: flip(folder / DATA, -1),
    "no_data": lambda folder: (folder / DATA).unlink(),
    "no_index": lambda folder: (folder / "step-8.index").unlink(),
    "empty_index": lambda folder: (folder / "step-8.index").write_bytes(b""),
    "byte_of_the_index": lambda folder: flip(folder / "step-8.index", 300),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_restored(damage, saved, folder, caplog):
    damage(folder)
    before = files(folder)
    _, weights, model = saved
    with caplog.at_level(logging.WARNING):
        assert Checkpoints(model, folder).restore() == 4
    assert f"{folder}/step-8" in caplog.text
    np.testing.assert_array_equal(tiny.weights(model), weights[4])
    assert files(folder) == before


def tensors(path):
    reader = tf.train.load_checkpoint(path)
    return {name: np.asarray(reader.get_tensor(name)).tobytes() for name in reader.get_variable_to_shape_map()}


def test_a_changed_byte_that_matters_is_always_noticed(folder):
    assert fault_of(folder / "step-8") is None
    whole, unseen = tensors(folder / "step-8"), []
    for name in (DATA, "step-8.index"):
        size = (folder / name).stat().st_size
        for place in range(0, size, max(1, size // 60)):
            flip(folder / name, place)
            if fault_of(folder / "step-8") is None:
                unseen.append(name)
                assert tensors(folder / "step-8") == whole, (name, place)
            flip(folder / name, place)
    # Of the index, a few bytes at its end mean nothing.
    assert DATA not in unseen
    assert len(unseen) < 6


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b'model_checkpoint_path: "step-99"\n', None], ids=str)
def test_the_list_of_checkpoints_may_be_damaged(content, saved, folder, caplog):
    path = folder / "checkpoint"
    path.unlink() if content is None else path.write_bytes(content)
    _, weights, model = saved
    checkpoints = Checkpoints(model, folder)
    assert checkpoints.restore() == 8
    np.testing.assert_array_equal(tiny.weights(model), weights[8])
    assert not caplog.records
    checkpoints.save(10)
    assert checkpoints.steps() == [8, 10]
    assert tf.train.latest_checkpoint(folder) == str(folder / "step-10")


def test_an_error_names_the_checkpoints_when_all_are_damaged_and_nothing_is_deleted(saved, folder):
    DAMAGE["no_index"](folder)
    flip(folder / "step-4.data-00000-of-00001", 7)
    before = files(folder)
    with pytest.raises(OSError, match=r"step-8\.index is missing.*step-4 is damaged.*Nothing was changed"):
        Checkpoints(saved[2], folder).restore()
    assert files(folder) == before


def test_a_damaged_checkpoint_does_not_count_as_one_of_the_two_that_are_kept(saved, folder):
    DAMAGE["truncated"](folder)
    checkpoints = Checkpoints(saved[2], folder)
    checkpoints.restore()
    checkpoints.save(6)
    assert checkpoints.steps() == [4, 6]
    assert all(fault_of(checkpoints.path(step)) is None for step in (4, 6))


def test_a_checkpoint_of_another_model_is_refused(folder):
    with pytest.raises(ValueError, match=r"step-8 does not hold all of this model"):
        Checkpoints(tiny.make("factor_vae"), folder).restore()


def test_a_checkpoint_is_on_the_disk_before_it_is_listed_and_an_older_one_goes(saved, folder, monkeypatch):
    order, fsync, unlink, replace = [], os.fsync, Path.unlink, os.replace

    def flushed(file):
        order.append(("flushed", Path(os.readlink(f"/proc/self/fd/{file}")).name))
        fsync(file)

    def listed(source, target):
        order.append(("listed", Path(target).name))
        replace(source, target)

    def removed(path, **kwargs):
        order.append(("removed", path.name))
        unlink(path, **kwargs)

    checkpoints = Checkpoints(saved[2], folder)
    checkpoints.restore()
    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", listed)
    monkeypatch.setattr(Path, "unlink", removed)
    checkpoints.save(12)
    listing = order.index(("listed", "checkpoint"))
    for name in ("step-12.index", "step-12.data-00000-of-00001", "checkpoints"):
        assert order.index(("flushed", name)) < listing
    assert listing < order.index(("removed", "step-4.index"))


def poisoned(variable, value):
    weights = variable.numpy()
    weights.flat[-1] = value
    variable.assign(weights)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("network", ["encoder", "decoder"])
def test_weights_that_are_not_finite_are_not_saved(network, value, folder):
    model = tiny.make("vae")
    checkpoints = Checkpoints(model, folder)
    checkpoints.restore()
    before = files(folder)
    poisoned(getattr(model, network).trainable_variables[-1], value)
    with pytest.raises(FloatingPointError, match=rf"step 12: the weights .*Last good checkpoint: {folder}/step-8"):
        checkpoints.save(12)
    assert files(folder) == before


def test_other_variables_may_be_infinite_but_not_nan(tmp_path):
    model = tiny.make("vae")
    model.encoder.trainable = False
    checkpoints = Checkpoints(model, tmp_path)
    poisoned(model.encoder.variables[0], -np.inf)
    checkpoints.check_finite(1)
    poisoned(model.encoder.variables[0], np.nan)
    with pytest.raises(FloatingPointError, match="checkpoint: none"):
        checkpoints.check_finite(1)
