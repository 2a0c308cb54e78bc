import os
import signal
from types import SimpleNamespace

import pytest
import tensorflow as tf

from tests import tiny
from tests.training.runs import logged, scalars
from tfvae.training import journal
from tfvae.training.interruption import Requests


class Saved:
    """Checkpoints that only note the steps at which they are saved."""

    def __init__(self):
        self.steps = []
        self.latest = "step-4"

    def save(self, step):
        self.steps.append(step)

    def check_finite(self, step):
        pass


def entries(*callbacks, steps, every=2):
    """Passes log entries to the callbacks as a run does, up to the one at which it stops."""
    model = SimpleNamespace(stop_training=False)
    for callback in callbacks:
        callback.set_model(model)
        callback.set_params({"first_step": 0})
        callback.on_train_begin()
    for epoch in range(steps // every):
        for callback in callbacks:
            callback.on_epoch_begin(epoch)
        for batch in range(every):
            for callback in callbacks:
                callback.on_train_batch_end(batch)
        for callback in callbacks:
            callback.on_epoch_end(epoch, {"loss": epoch})
        if model.stop_training:
            break


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")], ids=str)
def test_a_value_that_is_not_finite_is_named_with_its_steps_and_the_last_checkpoint(value):
    callback = journal.StopIfNotFinite(Saved())
    entries(callback, steps=6)
    callback.on_epoch_begin(3)
    callback.on_train_batch_end(1)
    with pytest.raises(FloatingPointError, match=f"between steps 6 and 8: kl is {value}.*checkpoint: step-4"):
        callback.on_epoch_end(3, {"loss": 1.0, "kl": value})


@pytest.mark.parametrize(("requested", "expected"), [(False, [4, 8, 10]), (True, [2])])
def test_checkpoints_are_due_at_their_multiples_at_the_end_and_at_a_stop(requested, expected):
    requests, saved = Requests(), Saved()
    requests.received = signal.SIGTERM if requested else None
    stop = journal.StopOnRequest(requests, tf.distribute.get_strategy())
    entries(stop, journal.SaveCheckpoints(saved, tiny.experiment(steps=10), stop), steps=10)
    assert saved.steps == expected


@pytest.mark.parametrize("several", [False, True])
def test_one_process_stops_after_its_step_and_several_agree_at_the_log_entry(several, monkeypatch):
    asked = []
    monkeypatch.setattr(journal, "is_multi_worker", lambda strategy: several)
    # Another worker was asked to stop, too.
    monkeypatch.setattr(journal, "of_all_workers", lambda strategy, value: asked.append(value) or [False, True])
    stop = journal.StopOnRequest(Requests(), None)
    model = SimpleNamespace(stop_training=False)
    stop.set_model(model)
    stop.requests.received = signal.SIGTERM
    stop.on_train_batch_end(0)
    assert model.stop_training is not several
    assert not stop.stopping
    stop.requests.received = None
    stop.on_epoch_end(0, {})
    assert (stop.stopping, model.stop_training, asked) == (True, True, [False])


def test_a_log_entry_is_in_the_file_before_the_next_callback_runs(tmp_path):
    stop = SimpleNamespace(stopping=False)
    seen = []

    class Reads(Saved):
        def save(self, step):
            seen.append(logged(tmp_path))

    entries(*journal.journal(tiny.experiment(steps=6, checkpoint_every=2), tmp_path, Reads(), stop), steps=6)
    assert seen == [[2], [2, 4], [2, 4, 6]]
    assert scalars(tmp_path) == {"loss": {2: 0.0, 4: 1.0, 6: 2.0}}


def test_log_entries_are_on_the_disk_before_the_checkpoint_that_follows_them(tmp_path, monkeypatch):
    order, fsync = [], os.fsync

    def record(file):
        order.append(os.readlink(f"/proc/self/fd/{file}"))
        fsync(file)

    class Notes(Saved):
        def save(self, step):
            order.append(step)

    monkeypatch.setattr(os, "fsync", record)
    stop = SimpleNamespace(stopping=False)
    entries(*journal.journal(tiny.experiment(steps=4, checkpoint_every=4), tmp_path, Notes(), stop), steps=4)
    (file,) = (tmp_path / "logs").iterdir()
    assert order == [str(tmp_path / "logs"), str(file), 4]


def test_a_log_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    callback = journal.LogScalars(tmp_path)

    def full():
        raise tf.errors.ResourceExhaustedError(None, None, "No space left")

    monkeypatch.setattr(callback.writer, "flush", full)
    with pytest.raises(OSError, match=rf"log of step 2 .* written to {tmp_path}: No space left"):
        entries(callback, steps=2)
    assert os.listdir(tmp_path)
