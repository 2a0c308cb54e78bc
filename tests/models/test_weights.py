import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.models import MODELS, BetaVAE
from tfvae.models.weights import Weight

X = tiny.images(16)


def fit(model, epochs=1, **weights):
    """Trains with weights that a callback sets before each epoch."""

    def change(epoch, logs):
        for name, values in weights.items():
            setattr(model, name, values[epoch])

    callback = keras.callbacks.LambdaCallback(on_epoch_begin=change)
    return model.fit(X, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback]).history


@pytest.mark.parametrize("compiled", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
def test_a_weight_that_a_callback_sets_takes_effect_in_that_epoch(compiled):
    model = tiny.make("beta_vae", beta=3.0, compiled=compiled)
    history = fit(model, epochs=3, beta=[3.0, 0.0, 7.0])
    loss, reconstruction, kl = (np.array(history[key]) for key in ("loss", "reconstruction", "kl"))
    np.testing.assert_allclose(loss, reconstruction + np.array([3.0, 0.0, 7.0]) * kl, rtol=1e-5)
    assert model.beta == 7.0
    assert model.get_config()["beta"] == 7.0
    evaluated = model.evaluate(X, batch_size=8, verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(evaluated["reconstruction"] + 7 * evaluated["kl"], rel=1e-5)


def test_a_schedule_traces_the_step_once_more():
    model = tiny.make("beta_vae")
    traced = []
    terms = model.loss_terms
    model.loss_terms = lambda *arguments: traced.append(1) or terms(*arguments)
    fit(model)
    once = len(traced)
    fit(model, epochs=4, beta=[0.0, 1.0, 2.0, 3.0])
    assert len(traced) == 2 * once


def test_a_weight_that_is_set_before_training_trains_as_one_of_the_constructor():
    models = tiny.make("factor_vae", gamma=5.0), tiny.make("factor_vae", gamma=1.0)
    models[1].gamma = 5.0
    for model in models:
        fit(model)
    np.testing.assert_array_equal(*(tiny.weights(model) for model in models))


def test_a_weight_of_two_replicas_takes_effect(mirrored):
    model = tiny.make("beta_vae", scope=mirrored.scope, beta=3.0)
    history = fit(model, epochs=2, beta=[3.0, 5.0])
    expected = np.array(history["reconstruction"]) + np.array([3.0, 5.0]) * np.array(history["kl"])
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)


def test_a_weight_is_none_of_the_models_variables(tmp_path):
    model = tiny.make("beta_vae")
    variables = len(model.variables)
    fit(model)
    model.beta = 2.0
    assert len(model.variables) == variables
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").beta == 2.0


@pytest.mark.parametrize("name", MODELS)
def test_each_weight_is_an_argument_and_is_checked(name):
    cls = MODELS[name]
    weights = {key: weight for base in cls.__mro__ for key, weight in vars(base).items() if isinstance(weight, Weight)}
    assert weights or name == "vae"
    model = cls(**tiny.networks_of(name))
    for key, weight in weights.items():
        default = inspect.signature(cls.__init__).parameters[key].default
        assert getattr(model, key) == default
        for value in (-1.0, float("nan"), *([0.0] if weight.positive else [])):
            with pytest.raises(ValueError, match=f"Expected {key} (of at least|above) 0. Received: {key}="):
                setattr(model, key, value)
        assert getattr(model, key) == default


def test_an_unset_weight_is_not_an_attribute():
    with pytest.raises(AttributeError, match="beta"):
        _ = BetaVAE.__new__(BetaVAE).beta
    assert isinstance(BetaVAE.beta, Weight)
    assert not tf.inside_function()


def test_a_weight_is_a_plain_number_in_files():
    model = tiny.make("beta_vae")
    for value in (np.float32(2), np.array(2.0), tf.constant(2.0), keras.Variable(2.0)):
        model.beta = value
        assert (type(model.beta), model.beta) == (float, 2.0)
    for wrong in ("3", None, np.ones(2)):
        with pytest.raises(ValueError, match=r"Expected beta of at least 0\. Received: beta="):
            model.beta = wrong
