"""Networks that are handed in are trained as Keras trains them: in every model, at any depth."""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests import tiny
from tfvae.codes.capabilities import capabilities_of
from tfvae.models import MODELS, VAE, FactorVAE
from tfvae.models.passes import forward_pass

X = tiny.images(16)
GANS = ("info_gan", "info_wgan_gp")
EXPORTED = tiny.one_of_each("representation")
each_model = pytest.mark.parametrize("name", MODELS)
each_step = pytest.mark.parametrize("name", tiny.one_of_each("train_step", "trained_networks"))
# How often a step calls each network to train it. InfoGAN's discriminators take data and generated images together or
# in turn, the critic also points between them; the others see codes and what to tell them from.
CALLS = {
    "encoder": 1,
    "decoder": 1,
    "generator": 1,
    "head": 1,
    "discriminator": 2,
    "info_gan/trunk": 1,
    "info_wgan_gp/trunk": 3,
    "info_wgan_gp/discriminator": 3,
}


class Spy(layers.Layer):
    """Passes its inputs on, and writes down whether they were said to be for training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, inputs, training=None):
        self.seen.append(training)
        return inputs


class Costly(layers.Layer):
    """Passes its inputs on, and adds a trained number, 1 at first, to the loss."""

    def build(self, shape):
        self.number = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        self.add_loss(0.5 * self.number)
        return inputs


class Nested(layers.Layer):
    """A subclassed layer that does not pass `training` on by itself."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs)


def with_first(network, layer):
    """The network after a layer."""
    inputs = keras.Input(network.input_shape[1:])
    return keras.Model(inputs, network(layer(inputs)))


def with_last(network, layer):
    return keras.Sequential([keras.Input(network.input_shape[1:]), network, layer])


def changed(name, change):
    """The tiny networks of a model, each changed, and all by name; those of an encoder with two parts are the parts."""
    networks = tiny.networks_of(name)
    parts = dict(networks)
    if name in GANS:
        encoder = parts.pop("encoder")
        parts |= dict(zip(("trunk", "head"), encoder.layers, strict=True))
    parts = {part: change(part, network) for part, network in parts.items()}
    for network in networks:
        networks[network] = parts.get(network)
    if name in GANS:
        networks["encoder"] = keras.Sequential([keras.Input(tiny.SHAPE), parts["trunk"], parts["head"]])
    return networks, parts


def make(name, networks, optimizers=None, **compiled):
    """The model with these networks, whose step is run without a graph."""
    model = MODELS[name](**networks, **tiny.PARAMETERS.get(name, {}))
    model.compile(**({} if optimizers is None else optimizers), **{"run_eagerly": True, **compiled})
    return model


def examples(name):
    return tf.constant(tiny.examples(name, X))


def descent(name, rate=0.1):
    return {optimizer: keras.optimizers.SGD(rate) for optimizer in MODELS[name].optimizers}


def numpy_of(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def spied(name, wrap=lambda spy: spy):
    spies = {}

    def change(part, network):
        spies[part] = Spy()
        return with_first(network, wrap(spies[part]))

    return changed(name, change)[0], spies


@each_model
def test_networks_are_in_training_in_a_training_step_and_nowhere_else(name, tmp_path, untraced):
    networks, spies = spied(name)
    model = make(name, networks)
    for spy in spies.values():
        spy.seen.clear()
    model.train_step(examples(name))
    for part, spy in spies.items():
        assert spy.seen, part
        assert all(seen is True for seen in spy.seen), part
        spy.seen.clear()

    model.test_step(examples(name))
    can = capabilities_of(model)
    code = can.represent(X)
    model(X), model.predict(X, verbose=0)
    codes = np.hstack([code[key] for key in ("mean", "probabilities") if key in code])
    can.decode(codes)
    if can.log_likelihood is not None:
        can.log_likelihood(X, codes)
    if name in EXPORTED:
        model.export(tmp_path / "1", verbose=False)
    for part, spy in spies.items():
        assert spy.seen, part
        assert not any(spy.seen), part


@pytest.mark.parametrize(
    ("wrap", "compiled"),
    [(Nested, {"jit_compile": True}), (lambda spy: keras.Sequential([keras.Sequential([spy])]), {})],
    ids=["layer", "sequential"],
)
def test_a_compiled_fit_trains_nested_layers(wrap, compiled):
    networks, spies = spied("vae", wrap)
    model = VAE(**networks)
    model.compile(**compiled)
    for spy in spies.values():
        spy.seen.clear()
    model.fit(X, batch_size=8, verbose=0)
    assert {seen for spy in spies.values() for seen in spy.seen} == {True}
    model.evaluate(X, batch_size=8, verbose=0)
    assert {seen for spy in spies.values() for seen in spy.seen} == {True, False}


def test_a_model_that_is_called_in_training_has_its_encoder_in_training():
    networks, spies = spied("vae")
    VAE(**networks)(X, training=True)
    assert spies["encoder"].seen[-1] is True


def test_a_training_step_of_a_subclass_is_one_too():
    class Doubled(VAE):
        def train_step(self, data):
            return super().train_step(data) and super().train_step(data)

    networks, spies = spied("vae")
    model = Doubled(**networks)
    model.compile(run_eagerly=True)
    for spy in spies.values():
        spy.seen.clear()
    model.train_step(tf.constant(X))
    assert [spy.seen for spy in spies.values()] == [[True, True], [True, True]]


@pytest.mark.parametrize("name", tiny.one_of_each("train_step", "trained_networks", "other_codes", "batch_multiple"))
def test_batch_norm_learns_its_statistics_in_a_step_and_keeps_them_elsewhere(name):
    norms = {}

    def change(part, network):
        if (name, part) == ("info_wgan_gp", "trunk"):
            return network
        norms[part] = layers.BatchNormalization(momentum=0.75)
        return with_first(network, norms[part])

    model = make(name, changed(name, change)[0])
    model.train_step(examples(name))
    if name not in GANS:
        # Once, from B: the even rows where the others are B'.
        batch = X[0::2] if model.batch_multiple == 2 else X
        expected = [0.25 * batch.mean(axis=(0, 1, 2)), 0.75 + 0.25 * batch.var(axis=(0, 1, 2))]
        for value, moments in zip(numpy_of(norms["encoder"].non_trainable_variables), expected, strict=True):
            np.testing.assert_allclose(value, moments, rtol=1e-5)
    learned = {part: numpy_of(norm.non_trainable_variables) for part, norm in norms.items()}
    for part, (mean, variance) in learned.items():
        assert np.any(mean != 0), part
        assert np.any(variance != 1), part
    model.test_step(examples(name))
    model.predict(X, verbose=0)
    for part, norm in norms.items():
        np.testing.assert_array_equal(numpy_of(norm.non_trainable_variables), learned[part])


def test_codes_of_the_second_batch_have_dropout_of_their_own():
    dropout = layers.Dropout(0.5, seed=1)
    networks = changed("factor_vae", lambda part, network: network)[0]
    networks["encoder"] = with_first(networks["encoder"], dropout)
    model = make("factor_vae", networks)
    state = dropout.seed_generator.state
    with forward_pass(training=True):
        before = keras.ops.convert_to_numpy(state)
        codes = [model.codes_of_others(tf.constant(X), tf.constant([0, 1])).numpy() for _ in range(2)]
    assert np.abs(codes[0] - codes[1]).max() > 0.01
    assert np.any(keras.ops.convert_to_numpy(state) != before)


@each_step
def test_regularizers_are_minimised_by_the_optimizer_that_trains_the_weights(name):
    factor, rate = 0.05, 0.1
    parameters = tiny.PARAMETERS.get(name, {}) | ({"n_critic": 1} if name == "info_wgan_gp" else {})

    def step(regularized=None):
        networks, parts = changed(name, lambda part, network: network)
        model = MODELS[name](**networks, **parameters)
        model.compile(**descent(name, rate), run_eagerly=True)
        variables = parts[regularized].trainable_variables if regularized else []
        for variable in variables:
            variable.regularizer = keras.regularizers.L2(factor)
        before = {part: numpy_of(network.trainable_variables) for part, network in parts.items()}
        logs = model.train_step(examples(name))
        return before, {part: numpy_of(network.trainable_variables) for part, network in parts.items()}, logs

    _, plain, logs = step()
    assert "regularization" not in logs
    for part in plain:
        before, after, logs = step(part)
        for start, expected, value in zip(before[part], plain[part], after[part], strict=True):
            np.testing.assert_allclose(value, expected - rate * factor * 2 * start, atol=2e-6, err_msg=part)
        penalty = sum(factor * np.sum(np.square(value, dtype=np.float64)) for value in before[part])
        np.testing.assert_allclose(logs["regularization"], penalty, rtol=1e-4, err_msg=part)


@each_model
def test_losses_that_networks_add_are_minimised_for_each_call(name):
    costs = {}

    def change(part, network):
        costs[part] = Costly()
        return with_first(network, costs[part])

    rate = 0.1
    model = make(name, changed(name, change)[0], descent(name, rate))
    logs = model.train_step(examples(name))
    calls = {part: CALLS.get(f"{name}/{part}") or CALLS[part] for part in costs}
    steps = {part: 2 if name == "info_wgan_gp" and part in ("trunk", "discriminator") else 1 for part in costs}
    total = 0
    for part, cost in costs.items():
        moved = rate * 0.5 * calls[part]
        np.testing.assert_allclose(cost.number.numpy(), 1 - steps[part] * moved, rtol=1e-5, err_msg=part)
        total += 0.5 * calls[part] * (1 - (steps[part] - 1) * moved)  # of the last step
    np.testing.assert_allclose(logs["regularization"], total, rtol=1e-5)
    # The objective is reported without it.
    logs = model.test_step(examples(name))
    assert {each.name for each in model.metrics} == {*model.logged, "regularization"}
    if "kl" in logs and name == "vae":
        np.testing.assert_allclose(logs["loss"], logs["reconstruction"] + logs["kl"], rtol=1e-5)


def test_fit_and_evaluate_report_what_networks_add():
    networks = changed("vae", lambda part, network: with_first(network, Costly()))[0]
    model = VAE(**networks)
    model.compile(keras.optimizers.SGD(0.0))
    assert model.fit(X, batch_size=8, verbose=0).history["regularization"] == [1.0]
    assert model.evaluate(X, batch_size=8, verbose=0, return_dict=True)["regularization"] == 1.0


def _normed(part, network):
    network = with_first(network, layers.BatchNormalization(momentum=0.5, synchronized=True))
    for variable in network.trainable_variables:
        variable.regularizer = keras.regularizers.L2(0.1)
    return network


def _costly(part, network):
    return with_first(network, Costly())


each_change = pytest.mark.parametrize("change", [_normed, _costly])


@each_change
@pytest.mark.parametrize("name", ["factor_vae", "anica"])
def test_own_networks_train_on_two_replicas_as_on_one_device(name, change, copying):
    assert_train_on_two_replicas_as_on_one_device(name, change, copying, run_eagerly=True)


@each_change
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in ("factor_vae", "anica")])
def test_own_networks_train_on_two_replicas_as_on_one_device_in_a_graph(name, change, mirrored):
    assert_train_on_two_replicas_as_on_one_device(name, change, mirrored, run_eagerly=False)


def assert_train_on_two_replicas_as_on_one_device(name, change, strategy, run_eagerly):
    results = []
    for scope in (nullcontext, strategy.scope):
        with scope():
            eagerly = run_eagerly or scope is nullcontext
            model = make(name, changed(name, change)[0], descent(name, 0.01), run_eagerly=eagerly)
        history = model.fit(tf.data.Dataset.from_tensor_slices(X).batch(8), shuffle=False, verbose=0).history
        results.append((tiny.weights(model), history["regularization"]))
    np.testing.assert_allclose(results[1][0], results[0][0], atol=1e-5)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-5)


def test_losses_that_keras_would_mix_between_replicas_are_refused(mirrored):
    with mirrored.scope():
        model = make("vae", changed("vae", lambda part, network: _normed(part, with_first(network, Costly())))[0])
    with pytest.raises(ValueError, match="synchronized batch norm, or layers that add losses"):
        mirrored.run(model.train_step, args=(tf.constant(X),))


@each_step
def test_networks_whose_outputs_are_half_precision_learn(name):
    half = "mixed_bfloat16"
    networks, parts = changed(name, lambda part, network: with_last(network, layers.Activation("linear", dtype=half)))
    model = make(name, networks)
    before = {part: numpy_of(network.trainable_variables) for part, network in parts.items()}
    logs = model.train_step(examples(name))
    assert all(np.isfinite(value) for value in logs.values())
    for part, network in parts.items():
        assert any(
            np.any(old != new) for old, new in zip(before[part], numpy_of(network.trainable_variables), strict=True)
        )
    assert {value.dtype for output, value in model(X).items() if output != "value_indices"} == {tf.float32}
    model.test_step(examples(name))


@pytest.mark.parametrize(
    ("name", "parameters"), [("vae", {"likelihood": "gaussian"}), ("factor_vae", {}), ("info_gan", {}), ("anica", {})]
)
def test_fit_ends_with_the_averages_of_each_optimizer(name, parameters):
    optimizers = {
        optimizer: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5) for optimizer in MODELS[name].optimizers
    }
    model = MODELS[name](**tiny.networks_of(name), **parameters)
    model.compile(**optimizers, run_eagerly=True)
    averages = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            averages[:] = [
                (variable, numpy_of([average])[0], numpy_of([variable])[0])
                for optimizer, variables in model.trained_by().items()
                for variable, average in zip(
                    variables, getattr(model, optimizer)._model_variables_moving_average, strict=True
                )
            ]

    model.fit(X, batch_size=8, verbose=0, callbacks=[Watch()])
    assert any(np.any(average != last) for _, average, last in averages)
    for variable, average, _ in averages:
        np.testing.assert_array_equal(numpy_of([variable])[0], average)


def test_weights_are_swapped_for_their_averages_in_an_evaluation():
    optimizers = {key: keras.optimizers.Adam(0.01, use_ema=True) for key in FactorVAE.optimizers}
    model = FactorVAE(**tiny.networks_of("factor_vae"))
    model.compile(**optimizers, run_eagerly=True)
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    history = model.fit(X, batch_size=8, epochs=2, validation_data=(X,), verbose=0, callbacks=[swap]).history
    expected = model.evaluate(X, batch_size=8, verbose=0, return_dict=True)
    assert history["val_kl"][-1] == pytest.approx(expected["kl"], rel=1e-5)


@pytest.mark.parametrize("name", ["vae", "factor_vae"])
def test_networks_that_a_subclass_calls_directly_are_in_the_mode_of_the_step(name):
    class Direct(MODELS[name]):
        def loss_terms(self, images, posterior, z):
            self.decoder(z, training=False)
            terms = super().loss_terms(images, posterior, z)
            return {**terms, "loss": terms["loss"] + tf.reduce_mean(self.decoder(self.extra(z)) ** 2, axis=(1, 2, 3))}

    networks, spies = spied(name, Nested)
    model = Direct(**networks)
    model.extra = spies["extra"] = Spy()
    model.compile(run_eagerly=True)
    for training, step in ((True, model.train_step), (False, model.test_step)):
        for spy in spies.values():
            spy.seen.clear()
        step(tf.constant(X))
        assert spies["decoder"].seen[1:] == [training] * 2
        assert spies["extra"].seen == [training]
    model.decoder(tf.zeros((2, tiny.DIM)))
    assert not spies["decoder"].seen[-1]


def test_a_loss_that_a_direct_call_adds_is_refused_for_it_would_be_left_out():
    class Direct(VAE):
        def loss_terms(self, images, posterior, z):
            self.decoder(z)
            return super().loss_terms(images, posterior, z)

    networks = changed("vae", lambda part, network: with_first(network, Costly()))[0]
    model = Direct(**networks)
    model.compile(run_eagerly=True)
    model.decoder(tf.zeros((2, tiny.DIM)))  # outside of a step it may be
    with pytest.raises(ValueError, match=r"called by self\.run\(layer, inputs\).*a direct call of"):
        model.train_step(tf.constant(X))
    model = VAE(**networks)
    model.compile(run_eagerly=True)
    model.decoder(tf.zeros((2, tiny.DIM)))
    assert model.train_step(tf.constant(X))["regularization"] == 1.0


def test_the_averages_of_all_optimizers_are_swapped_together():
    optimizers = {key: keras.optimizers.Adam(0.01, use_ema=True) for key in FactorVAE.optimizers}
    model = FactorVAE(**tiny.networks_of("factor_vae"))
    model.compile(**optimizers, run_eagerly=True)
    seen = []

    class Watch(keras.callbacks.Callback):
        def state(self):
            return tiny.weights(self.model, "discriminator"), np.concatenate(
                [np.ravel(value) for value in numpy_of(model.discriminator_optimizer._model_variables_moving_average)]
            )

        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.state())

    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    model.fit(X, batch_size=8, verbose=0, callbacks=[Watch(), swap, Watch()])
    (weights, averages), (swapped, _) = seen
    assert np.abs(weights - averages).max() > 1e-4
    np.testing.assert_allclose(swapped, averages, atol=1e-6)
    np.testing.assert_allclose(tiny.weights(model, "discriminator"), averages, atol=1e-6)
