import dataclasses
import math

import keras
import numpy as np
import pytest

import tfvae
from tests import tiny
from tests.training.runs import run, scalars, state
from tfvae.models.weights import weights_of
from tfvae.training.schedules import ScheduleWeights, cyclical_annealing, linear_annealing

X = tiny.images(32)


class Betas(keras.callbacks.Callback):
    """The beta that a compiled step of a beta-VAE has used: (loss - reconstruction) / kl, which are means so far."""

    def __init__(self):
        super().__init__()
        self.totals, self.used = [np.zeros(3)], []

    def on_epoch_begin(self, epoch, logs=None):
        self.totals = [np.zeros(3)]

    def on_train_batch_end(self, batch, logs=None):
        self.totals.append((batch + 1) * np.array([logs[name] for name in ("loss", "reconstruction", "kl")]))
        loss, reconstruction, kl = self.totals[-1] - self.totals[-2]
        self.used.append((loss - reconstruction) / kl)


def fit(model, callback, epochs=1, **arguments):
    betas = Betas()
    callbacks = [callback, betas]
    history = model.fit(X, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks, **arguments)
    return betas.used, history.history


@pytest.mark.parametrize("compiled", [{}, {"jit_compile": True}], ids=str)
def test_each_compiled_step_has_the_weight_of_its_schedule(compiled):
    model, traced = tiny.make("beta_vae", compiled=compiled), []
    terms = model.loss_terms
    model.loss_terms = lambda *arguments: traced.append(1) or terms(*arguments)
    callback = ScheduleWeights({"beta": lambda step: 3.0 + step})
    used, history = fit(model, callback, epochs=2)
    np.testing.assert_allclose(used, 3 + np.arange(8), rtol=1e-3)
    # Logged are the values of the last step of each epoch.
    assert history["beta"] == [6.0, 10.0]
    assert model.beta == model.get_config()["beta"] == 10.0
    # Steps are counted over calls of `fit`; a new callback continues from the optimizer's count.
    for again, first in ((callback, 8), (ScheduleWeights(callback.schedules), 12)):
        np.testing.assert_allclose(fit(model, again)[0], 3 + first + np.arange(4), rtol=1e-3)
    assert len(traced) == 1


def test_steps_that_are_executed_together_have_the_weight_of_the_first():
    model = tiny.make("beta_vae", compiled={"steps_per_execution": 2})
    history = fit(model, ScheduleWeights({"beta": lambda step: 1.0 + step}))[1]
    assert history["beta"] == [3.0]
    expected = tiny.make("beta_vae")
    fit(expected, ScheduleWeights({"beta": lambda step: 1.0 + step // 2 * 2}))
    np.testing.assert_allclose(tiny.weights(model), tiny.weights(expected), atol=1e-6)


def test_a_weight_follows_the_epochs_that_fit_counts():
    model = tiny.make("beta_vae")
    callback = ScheduleWeights({"beta": lambda epoch: 2.0**epoch}, by="epoch")
    used, history = fit(model, callback, epochs=4, initial_epoch=2)
    np.testing.assert_allclose(used, [4] * 4 + [8] * 4, rtol=1e-3)
    assert history["beta"] == [4.0, 8.0]


def test_two_replicas_follow_a_schedule(mirrored):
    models = tiny.make("beta_vae"), tiny.make("beta_vae", scope=mirrored.scope)
    histories = [fit(model, ScheduleWeights({"beta": lambda step: 1.0 + step}))[1] for model in models]
    np.testing.assert_allclose(*(tiny.weights(model) for model in models), atol=1e-6)
    assert histories[1]["loss"] == pytest.approx(histories[0]["loss"], rel=1e-4)
    assert histories[1]["beta"] == [4.0]


BETA_VAE = tiny.experiment(model="beta_vae", optimizers={}, parameters={}, log_every=4)


def test_a_resumed_run_has_the_weights_of_one_that_was_not_interrupted(tmp_path):
    def scheduled(steps, folder):
        callback = ScheduleWeights({"beta": linear_annealing(8, start=1.0, end=9.0)})
        return state(run(dataclasses.replace(BETA_VAE, steps=steps), tmp_path / folder, callbacks=[callback]))

    expected = scheduled(8, "whole")
    scheduled(3, "parts")
    np.testing.assert_array_equal(scheduled(8, "parts"), expected)
    # The beta of a log entry is that of its last step; the interruption makes an entry of its own.
    assert scalars(tmp_path / "whole")["beta"] == {4: 4.0, 8: 8.0}
    assert scalars(tmp_path / "parts")["beta"] == {3: 3.0, 4: 4.0, 8: 8.0}


@pytest.mark.usefixtures("eager")
def test_a_worker_that_writes_no_files_follows_the_schedule_too(tmp_path, monkeypatch):
    monkeypatch.setattr("tfvae.training.train.is_chief", lambda strategy: False)
    betas = Betas()
    model = run(BETA_VAE, tmp_path, callbacks=[betas, ScheduleWeights({"beta": lambda step: 1.0 + step})])
    assert model.beta == 8.0
    assert betas.used == []
    assert not (tmp_path / "logs").exists()


@pytest.mark.usefixtures("eager")
def test_what_a_model_or_a_run_cannot_follow_is_refused(tmp_path):
    model = tiny.make("beta_tc_vae", dataset_size=32)
    with pytest.raises(ValueError, match=r"BetaTCVAE out of \['alpha', 'beta', 'gamma'\]\. Received: \['capacity'\]"):
        fit(model, ScheduleWeights({"beta": float, "capacity": float}))
    with pytest.raises(ValueError, match=r"Expected by='step' in tfvae.train"):
        run(tiny.experiment(), tmp_path, callbacks=[ScheduleWeights({"gamma": float}, by="epoch")])
    for value, error, message in (
        (-1.0, ValueError, "Expected beta of at least 0. Received: beta=-1"),
        (math.inf, ValueError, "finite 'beta'. Received: beta=inf at step 0"),
        (math.nan, ValueError, "finite 'beta'"),
        (None, TypeError, "schedule of 'beta' to return a number. Received: None at step 0"),
        ("one", TypeError, "Received: 'one' at step 0"),
    ):
        with pytest.raises(error, match=message):
            fit(model, ScheduleWeights({"beta": lambda step, value=value: value}))
    with pytest.raises(TypeError, match=r"a function of the epoch for 'beta'. Received: 4\.0"):
        ScheduleWeights({"beta": 4.0}, by="epoch")
    with pytest.raises(ValueError, match="by='batch'"):
        ScheduleWeights({}, by="batch")


def test_weights_are_those_that_a_class_and_its_parents_declare():
    assert weights_of(tfvae.VAE) == ()
    assert weights_of(tfvae.AnnealedVAE) == ("gamma", "c_max")
    assert set(weights_of(tfvae.JointFactorVAE)) == {"temperature", "gamma"}


def test_linear_annealing_is_a_straight_line_between_two_constants():
    schedule = linear_annealing(4, start=1.0, end=3.0, delay=2)
    assert [schedule(step) for step in range(9)] == [1, 1, 1, 1.5, 2, 2.5, 3, 3, 3]
    assert [linear_annealing(2, start=5.0, end=0.0)(step) for step in range(4)] == [5, 2.5, 0, 0]


@pytest.mark.parametrize(("steps", "cycles", "ratio"), [(40, 4, 0.5), (22, 4, 0.5), (10, 3, 1.0), (7, 1, 0.3)])
def test_cyclical_annealing_is_the_published_one(steps, cycles, ratio):
    schedule = cyclical_annealing(steps, cycles=cycles, ratio=ratio, end=2.0)
    for t in range(1, steps + 1):  # counted from 1, as in the paper
        tau = ((t - 1) % math.ceil(steps / cycles)) / (steps / cycles)
        assert schedule(t - 1) == pytest.approx(2 * (tau / ratio if tau <= ratio else 1))
    assert schedule(steps) == schedule(10 * steps) == 2


def test_cyclical_annealing_begins_each_cycle_again():
    schedule = cyclical_annealing(16, start=1.0, end=3.0)
    assert [schedule(step) for step in range(17)] == [1, 2, 3, 3] * 4 + [3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear_annealing(0), "steps=0"),
        (lambda: linear_annealing(1, delay=-1), "delay=-1"),
        (lambda: cyclical_annealing(3), "cycles=4, steps=3"),
        (lambda: cyclical_annealing(8, cycles=0), "cycles=0"),
        (lambda: cyclical_annealing(8, ratio=0.0), "ratio=0"),
    ],
)
def test_schedules_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
