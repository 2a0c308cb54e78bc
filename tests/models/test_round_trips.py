"""A model that is saved, loaded and trained further is as if it had never stopped."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae import replicas
from tfvae.export import export_encoder, load_saved_model
from tfvae.models import MODELS, VAE

X = tiny.images(48)
each_compile = pytest.mark.parametrize("name", tiny.one_of_each("compile"))
# PriorFactorVAE has FactorVAE's step, but draws the other codes instead of permuting them.
STEPS = [*tiny.one_of_each("train_step"), "prior_factor_vae"]
each_step = pytest.mark.parametrize("name", STEPS)
GANS = [name for name in MODELS if "gan" in name]


def make(name, **kwargs):
    return tiny.make(name, seed=4, **tiny.PARAMETERS.get(name, {}), **kwargs)


def train(model, images=X):
    examples = tiny.examples(type(model), images)
    model.fit(examples, batch_size=16, shuffle=False, verbose=0)


def step(model):
    model.train_on_batch(tiny.examples(type(model), X[:16]))


def saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize(("name", "dtype"), [*((name, None) for name in MODELS), ("factor_vae", "mixed_float16")])
def test_a_loaded_model_trains_on_bit_for_bit(name, dtype, tmp_path, request):
    # What is saved does not depend on a graph; one model has one all the same.
    if (name, dtype) != ("factor_vae", None):
        request.getfixturevalue("eager")
    model, other = make(name, dtype=dtype), make(name, dtype=dtype)
    before = tiny.weights(model)
    step(model)  # after one step, a second depends on the optimizer's state
    assert not np.array_equal(before, tiny.weights(model))
    loaded = saved_and_loaded(model, tmp_path)
    assert type(loaded) is MODELS[name]
    assert loaded.dtype_policy.name == (dtype or "float32")
    for config in (configs := [m.get_config() for m in (model, loaded)]):
        assert config.items() >= tiny.PARAMETERS.get(name, {}).items()
        for network in model.networks:
            del config[network]
    assert configs[0] == configs[1]
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(tiny.weights(model), tiny.weights(other))
    np.testing.assert_array_equal(tiny.weights(model), tiny.weights(loaded))
    np.testing.assert_array_equal(tiny.optimizer_state(model), tiny.optimizer_state(loaded))
    for each_model in (model, loaded):
        step(each_model)
    np.testing.assert_array_equal(tiny.weights(model), tiny.weights(loaded))
    np.testing.assert_array_equal(tiny.optimizer_state(model), tiny.optimizer_state(loaded))


@pytest.mark.parametrize("name", tiny.one_of_each("representation"))
def test_an_export_gives_the_models_representation(name, tmp_path):
    model = make(name)
    outputs, expected = load_saved_model(export_encoder(model, tmp_path / "1"))(X), model(X)
    assert set(outputs) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(outputs[key], value, atol=1e-5)


@each_compile
def test_a_model_is_loaded_with_how_it_is_run(name, tmp_path):
    loaded = saved_and_loaded(make(name, compiled={"jit_compile": True, "steps_per_execution": 2}), tmp_path)
    assert (loaded.jit_compile, loaded.steps_per_execution) == (True, 2)
    assert (make(name).jit_compile, make(name).steps_per_execution) == (False, 1)


@each_compile
def test_a_model_that_was_not_compiled_is_loaded(name, tmp_path):
    model = MODELS[name](**tiny.networks_of(name))
    loaded = saved_and_loaded(model, tmp_path)
    assert not loaded.compiled
    np.testing.assert_array_equal(tiny.weights(model), tiny.weights(loaded))


@pytest.mark.parametrize(
    "name",
    [name for name in tiny.one_of_each("loss_terms", "covariance", "posterior") if issubclass(MODELS[name], VAE)],
)
def test_xla_gives_the_same_loss_and_gradient(name):
    # With given codes, as XLA draws other random bits; whole steps under XLA are below.
    model = make(name)
    z = np.random.default_rng(0).normal(size=(len(X), *model.decoder.input_shape[1:])).astype(np.float32)

    def loss_and_gradients():
        variables = model.trained_by()["optimizer"]
        with tf.GradientTape() as tape:
            loss = model.loss_terms(X, model.posterior(X), z)["loss"]
        # With given codes, an autoencoder without a KL has no gradient in its encoder.
        return [loss, *(gradient for gradient in tape.gradient(loss, variables) if gradient is not None)]

    plain, compiled = loss_and_gradients(), tf.function(loss_and_gradients, jit_compile=True)()
    for expected, value in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("eager")
def test_a_model_trained_on_two_replicas_is_loaded_on_one(tmp_path, copying):
    two, one = make("factor_vae", scope=copying.scope), make("factor_vae")
    for model in (one, two):
        model.fit(tf.data.Dataset.from_tensor_slices(X).batch(16), shuffle=False, verbose=0)
    loaded = saved_and_loaded(two, tmp_path)
    for model in (one, loaded):
        train(model)
    np.testing.assert_allclose(tiny.weights(one), tiny.weights(loaded), atol=1e-6)


def test_both_optimizers_scale_the_loss_of_float16_once(tmp_path):
    model = make("factor_vae", dtype="mixed_float16")
    for loaded in (model, saved_and_loaded(model, tmp_path)):
        for optimizer in (loaded.optimizer, loaded.discriminator_optimizer):
            assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            assert isinstance(optimizer.inner_optimizer, keras.optimizers.Adam)


@pytest.mark.usefixtures("eager")
@each_step
def test_half_precision_learns_what_float32_learns(name):
    def learned(dtype):
        optimizers = {"optimizer": keras.optimizers.SGD(1e-3)}
        if "discriminator" in MODELS[name].networks:
            optimizers["discriminator_optimizer"] = keras.optimizers.SGD(1e-3)
        model = make(name, dtype=dtype, optimizers=optimizers)
        before = [tiny.weights(model, network) for network in model.networks]
        # With float16, a step is left out and the scale of the loss halved until no gradient overflows.
        for _ in range(20):
            model.train_on_batch(tf.constant(X))
            if model.optimizer.iterations == 1:
                break
        return [tiny.weights(model, network) - old for network, old in zip(model.networks, before, strict=True)]

    expected = learned(None)
    for dtype in ("mixed_bfloat16", "mixed_float16") if name != "info_wgan_gp" else ("mixed_bfloat16",):
        for full, half in zip(expected, learned(dtype), strict=True):
            assert full @ half > 0.99 * np.linalg.norm(full) * np.linalg.norm(half) > 0, dtype


# With one optimizer and with two. Of the others, the losses and gradients are compiled in the test above.
@pytest.mark.parametrize(
    "name",
    [
        name if name in ("vae", "factor_vae") else pytest.param(name, marks=pytest.mark.slow)
        for name in STEPS
        if name not in GANS
    ],
)
def test_xla_and_several_steps_an_execution_do_the_same_work(name):
    def trained(**compiled):
        # Without noise, and with a discriminator that does not learn from permutations: XLA draws other random bits.
        optimizers = {"optimizer": keras.optimizers.Adam(1e-3)}
        if "discriminator" in MODELS[name].networks:
            optimizers["discriminator_optimizer"] = keras.optimizers.SGD(0.0)
        model = tiny.without_noise(make(name, optimizers=optimizers, compiled=compiled))
        model.fit(X, batch_size=16, shuffle=False, epochs=2, verbose=0)
        return tiny.weights(model)

    compiled, plain = trained(jit_compile=True, steps_per_execution=2), trained(run_eagerly=True)
    np.testing.assert_allclose(compiled, plain, atol=1e-5)


@pytest.mark.parametrize("name", ["info_gan", pytest.param("info_wgan_gp", marks=pytest.mark.slow)])
def test_xla_does_the_same_work_for_a_gan(name, monkeypatch):
    # XLA draws other random bits, so all draws are these.
    drawn = np.random.default_rng(0).random((48, 100)).astype(np.float32)
    monkeypatch.setattr(replicas, "uniform", lambda like, width, seed: drawn[: like.shape[0], :width])
    results = []
    for jit in (False, True):
        sgd = {"optimizer": keras.optimizers.SGD(1e-2), "discriminator_optimizer": keras.optimizers.SGD(1e-2)}
        model = make(name, optimizers=sgd, compiled={"jit_compile": True} if jit else {"run_eagerly": True})
        for _ in range(2):
            model.train_on_batch(X[:16])
        results.append(tiny.weights(model))
    np.testing.assert_allclose(*results, atol=1e-5)


def test_several_steps_an_execution_are_the_same_steps():
    results = []
    for steps in (1, 2):
        model = make("factor_vae", compiled={"steps_per_execution": steps})
        train(model)
        results.append(tiny.weights(model))
    np.testing.assert_array_equal(*results)
