import errno
import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.full_disk import files_of_at_most
from tests.training.runs import ADAM, GANS, assert_same_scalars, checkpoints, failing_data, logged, run, scalars, state
from tfvae.models import VAE
from tfvae.training.checkpoints import Checkpoints
from tfvae.training.interruption import Terminated


def vae(**changes):
    """The quickest model, where what is tested does not depend on the model."""
    return tiny.experiment(**{"model": "vae", "parameters": {}, "optimizers": ADAM} | changes)


@pytest.fixture(scope="module")
def uninterrupted_vae(tmp_path_factory):
    return state(run(vae(), tmp_path_factory.mktemp("uninterrupted_vae") / "run"))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("annealed_vae", {"annealing_steps": 6}), ("vae", {"likelihood": "gaussian"})],
    ids=["capacity", "trained_scale"],
)
def test_a_run_resumes_with_the_state_that_belongs_to_no_network(name, parameters, tmp_path):
    settings = {"model": name, "parameters": parameters, "optimizers": ADAM}
    whole = run(tiny.experiment(**settings), tmp_path / "whole")
    run(tiny.experiment(**settings, steps=4), tmp_path / "run")
    np.testing.assert_array_equal(state(run(tiny.experiment(**settings), tmp_path / "run")), state(whole))
    assert_same_scalars(tmp_path / "run", tmp_path / "whole")


def test_a_run_whose_data_failed_resumes_as_if_nothing_had_happened(uninterrupted, tmp_path):
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        run(tiny.experiment(), tmp_path, **failing_data(at=6))
    assert not (tmp_path / "model.keras").exists()
    np.testing.assert_array_equal(state(run(tiny.experiment(), tmp_path)), uninterrupted[1])


@pytest.mark.usefixtures("eager")
def test_a_gan_resumes_as_if_nothing_had_happened(tmp_path):
    # Its batch norms have moving statistics, and of its optimizers one makes n_critic steps for each of the other's.
    experiment = tiny.experiment(
        model="info_wgan_gp", optimizers=ADAM, steps=2, log_every=1, checkpoint_every=1, **GANS["info_wgan_gp"]
    )
    whole = run(experiment, tmp_path / "whole")
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        run(experiment, tmp_path / "run", **failing_data(at=2))
    assert checkpoints(tmp_path / "run") == [1]
    np.testing.assert_array_equal(state(run(experiment, tmp_path / "run")), state(whole))
    assert (whole.optimizer.iterations, whole.discriminator_optimizer.iterations) == (2, 4)


def test_steps_whose_float16_gradients_overflow_count(tmp_path):
    # A step whose gradients overflow halves the scale of the loss, and the optimizer does not count it.
    settings = {"architecture": "table_1", "precision": "mixed_float16"}
    whole = run(vae(**settings, log_every=1, checkpoint_every=2), tmp_path / "whole")
    assert whole.optimizer.iterations < 8
    assert list(scalars(tmp_path / "whole")["loss"]) == list(range(1, 9))
    assert checkpoints(tmp_path / "whole") == [6, 8]
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        run(vae(**settings), tmp_path / "run", **failing_data(at=6))
    np.testing.assert_array_equal(state(run(vae(**settings), tmp_path / "run")), state(whole))


@pytest.mark.parametrize(
    ("when", "at", "error", "raised", "named"),
    [
        ("after", 4, KeyboardInterrupt(), KeyboardInterrupt, None),
        ("after", 8, KeyboardInterrupt(), KeyboardInterrupt, None),
        (
            "before",
            8,
            tf.errors.ResourceExhaustedError(None, None, "disk full"),
            OSError,
            r"step 8 could not be written.*disk full.*step-4",
        ),
        ("before", 8, OSError(errno.ENOSPC, "No space left"), OSError, r"step 8 could not .*No space left.*step-4"),
    ],
    ids=["after_4", "after_8", "disk_full_at_8", "disk_full_at_8_in_python"],
)
def test_a_run_stopped_around_a_checkpoint_resumes_as_if_nothing_had_happened(
    when, at, error, raised, named, uninterrupted_vae, tmp_path, monkeypatch
):
    write = tf.train.Checkpoint.write

    def stopped(self, path, *args):
        if when == "after":
            write(self, path, *args)
        if path.endswith(f"step-{at}"):
            raise error
        if when == "before":
            write(self, path, *args)

    with monkeypatch.context() as patched:
        patched.setattr(tf.train.Checkpoint, "write", stopped)
        with pytest.raises(raised, match=named):
            run(vae(), tmp_path)
    assert not (tmp_path / "model.keras").exists()
    assert logged(tmp_path) == [step for step in (2, 4, 6, 8) if step <= at]  # some of them are written again
    np.testing.assert_array_equal(state(run(vae(), tmp_path)), uninterrupted_vae)
    assert (tmp_path / "model.keras").exists()
    assert logged(tmp_path) == [2, 4, 6, 8]


def test_a_finished_run_does_not_change(uninterrupted, tmp_path):
    workdir = shutil.copytree(uninterrupted[0], tmp_path / "run")
    (workdir / "model.keras").unlink()
    # Files that were being written when their process was killed.
    (workdir / "checkpoints" / "step-6_temp").mkdir()
    for name in ("checkpoints/.checkpoint.17.tmp", ".experiment.17.tmp.json", ".model.17.tmp.keras"):
        (workdir / name).write_text("half")
    asked = []
    model = run(tiny.experiment(), workdir, data=tiny.Blobs(before=asked.append))
    np.testing.assert_array_equal(state(model), uninterrupted[1])
    np.testing.assert_array_equal(state(keras.models.load_model(workdir / "model.keras")), uninterrupted[1])
    assert asked == []
    assert sorted(os.listdir(workdir)) == ["checkpoints", "experiment.json", "logs", "model.keras"]
    names = os.listdir(workdir / "checkpoints")
    assert sorted({name.partition(".")[0] for name in names}) == ["checkpoint", "step-4", "step-8"]


def test_a_run_that_was_killed_at_its_start_starts_again(tmp_path):
    (tmp_path / ".experiment.17.tmp.json").write_text("{")
    run(vae(steps=2), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["checkpoints", "experiment.json", "logs", "model.keras"]


def test_a_run_may_end_within_a_log_entry_and_be_continued_later(uninterrupted_vae, tmp_path):
    workdir = tmp_path / "run"
    run(vae(steps=5), workdir)
    assert list(scalars(workdir)["loss"]) == [2, 4, 5]
    assert checkpoints(workdir) == [4, 5]
    other = shutil.copytree(workdir, tmp_path / "other")
    # Log entries and checkpoints are then due at the same steps as in a run that was never shorter.
    np.testing.assert_array_equal(state(run(vae(), workdir)), uninterrupted_vae)
    assert list(scalars(workdir)["loss"]) == [2, 4, 5, 6, 8]
    assert json.loads((workdir / "experiment.json").read_text())["steps"] == 8
    with pytest.raises(tf.errors.OpError):
        run(vae(steps=30), other, **failing_data(at=15))
    assert checkpoints(other)[-1] in (8, 12, 16)


def test_a_loss_that_is_not_finite_stops_the_run_at_the_last_good_checkpoint(uninterrupted_vae, tmp_path, monkeypatch):
    loss_terms = VAE.loss_terms

    def exploding(self, images, posterior, z):
        terms = loss_terms(self, images, posterior, z)
        return terms | {"loss": tf.where(self.optimizer.iterations < 5, terms["loss"], np.inf)}

    with monkeypatch.context() as patched:
        patched.setattr(VAE, "loss_terms", exploding)
        with pytest.raises(FloatingPointError, match=r"between steps 4 and 6: loss is inf.*step-4"):
            run(vae(), tmp_path)
    assert checkpoints(tmp_path) == [4]
    assert logged(tmp_path) == [2, 4]
    assert not (tmp_path / "model.keras").exists()
    np.testing.assert_array_equal(state(run(vae(), tmp_path)), uninterrupted_vae)


class Poison(keras.callbacks.Callback):
    """Makes a weight NaN by the update of a step, whose loss does not show it."""

    def __init__(self, step):
        super().__init__()
        self.at = step

    def on_train_batch_end(self, batch, logs=None):
        if self.params["first_step"] + batch + 1 == self.at:
            weight = self.model.encoder.trainable_variables[-1]
            weight.assign(weight.numpy() * np.nan)


def test_weights_that_the_last_step_made_nan_are_neither_a_checkpoint_nor_a_model(tmp_path):
    settings = vae(steps=6, log_every=6, checkpoint_every=6)
    with pytest.raises(FloatingPointError, match=r"step 6: the weights .*not finite.*Last good checkpoint: none"):
        run(settings, tmp_path, callbacks=[Poison(6)])
    assert not (tmp_path / "model.keras").exists()
    assert checkpoints(tmp_path) == []


def test_a_run_whose_last_checkpoint_is_not_finite_gets_no_model(tmp_path, monkeypatch):
    settings = vae(steps=6, log_every=6, checkpoint_every=6)
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "check_finite", lambda self, step: None)  # as it used to be
        run(settings, tmp_path, callbacks=[Poison(6)])
    (tmp_path / "model.keras").unlink()
    with pytest.raises(FloatingPointError, match="step 6: the weights"):
        run(settings, tmp_path)
    assert not (tmp_path / "model.keras").exists()


def test_a_full_disk_at_the_model_names_it_and_the_checkpoint_from_which_the_run_resumes(
    uninterrupted_vae, tmp_path, monkeypatch
):
    save = VAE.save

    def full(self, path):
        with files_of_at_most(1000):
            save(self, path)

    with monkeypatch.context() as patched:
        patched.setattr(VAE, "save", full)
        message = (
            rf"^{tmp_path}/model\.keras could not be written: .*The checkpoint {tmp_path}/checkpoints/step-8 is whole"
        )
        with pytest.raises(OSError, match=message):
            run(vae(), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["checkpoints", "experiment.json", "logs"]
    np.testing.assert_array_equal(state(run(vae(), tmp_path)), uninterrupted_vae)


def test_a_learning_rate_that_is_too_large_stops_the_run(tmp_path):
    rates = {"optimizer": {"learning_rate": 1e30}}
    with pytest.raises(FloatingPointError, match=r"learning rate.* checkpoint: none"):
        run(vae(optimizers=rates), tmp_path)


def test_one_device_can_finish_what_two_replicas_started(mirrored, uninterrupted, tmp_path):
    run(tiny.experiment(steps=6), tmp_path, strategy=mirrored)
    assert checkpoints(tmp_path) == [4, 6]
    model = run(tiny.experiment(), tmp_path)
    np.testing.assert_allclose(state(model), uninterrupted[1], rtol=1e-6, atol=1e-6)
    assert_same_scalars(tmp_path, uninterrupted[0])


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)], ids=["SIGTERM", "Ctrl-C"]
)
def test_a_signal_saves_the_current_step_from_which_the_run_resumes(number, error, uninterrupted_vae, tmp_path):
    class Signal(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if self.model.optimizer.iterations == 4:
                os.kill(os.getpid(), number)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background may ignore it
    try:
        with pytest.raises(error, match="Stopped after step 5, which is saved"):
            run(vae(), tmp_path, callbacks=[Signal()])
    finally:
        signal.signal(signal.SIGINT, before)
    assert checkpoints(tmp_path) == [4, 5]
    assert not (tmp_path / "model.keras").exists()
    np.testing.assert_array_equal(state(run(vae(), tmp_path)), uninterrupted_vae)
    assert logged(tmp_path) == [2, 4, 5, 6, 8]
