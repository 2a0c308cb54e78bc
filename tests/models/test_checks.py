import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests import tiny
from tfvae.models import MODELS, VAE, InfoWGANGP

X = tiny.images(8)
# The constructor of the base checks the networks that a class names.
each_kind = pytest.mark.parametrize("name", tiny.one_of_each("networks", "check_networks", "images_only"))


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@each_kind
@pytest.mark.parametrize("network", [Subclassed, lambda: keras.Sequential([layers.Dense(6)])], ids=["own", "unbuilt"])
def test_a_network_without_a_shape_is_refused_with_how_to_build_it(name, network):
    networks = tiny.shared_networks_of(name)
    for part in networks:
        with pytest.raises(ValueError, match=rf"Expected {part} to be a built .* keras\.Input\(shape\)"):
            MODELS[name](**networks | {part: network()})


@each_kind
def test_an_encoder_with_two_outputs_is_refused_with_how_to_join_them(name):
    inputs = keras.Input(tiny.SHAPE)
    flat = layers.Flatten()(inputs)
    encoder = keras.Model(inputs, [layers.Dense(3)(flat), layers.Dense(3)(flat)])
    with pytest.raises(ValueError, match=r"Expected encoder to have one output. Received: 2, .*Concatenate"):
        MODELS[name](**tiny.shared_networks_of(name) | {"encoder": encoder})


@each_kind
def test_codes_that_are_not_rows_are_refused_with_what_to_add(name):
    networks = tiny.shared_networks_of(name)
    for part in networks.keys() & {"encoder", "discriminator"}:
        whole = networks[part]
        apart = keras.Sequential([keras.Input(whole.input_shape[1:]), whole, layers.Reshape((1, -1))])
        with pytest.raises(ValueError, match=rf"Expected {part} to have an output of one row an image.*Flatten"):
            MODELS[name](**networks | {part: apart})
    for part in networks.keys() & {"decoder", "generator"}:
        shape = networks[part].input_shape[1:]
        apart = keras.Sequential([keras.Input((1, *shape)), layers.Reshape(shape), networks[part]])
        with pytest.raises(ValueError, match=rf"Expected {part} to have an input of one row an image.*Reshape"):
            MODELS[name](**networks | {part: apart})


@each_kind
@pytest.mark.parametrize("nested", [False, True])
def test_an_input_of_whole_numbers_to_which_keras_would_cut_off_images_is_refused(name, nested):
    networks = tiny.shared_networks_of(name)
    for part, whole in networks.items():
        inner = keras.Sequential([keras.Input(whole.input_shape[1:], dtype="uint8"), layers.Rescaling(1.0), whole])
        outer = keras.Sequential([keras.Input(whole.input_shape[1:]), inner]) if nested else inner
        with pytest.raises(ValueError, match=f"Expected {part} to take floats.*Received: an input of uint8"):
            MODELS[name](**networks | {part: outer})


@each_kind
def test_a_network_for_batches_of_one_size_or_with_outputs_by_name_is_refused(name):
    networks = tiny.shared_networks_of(name)
    for part, whole in networks.items():
        fixed = keras.Input(whole.input_shape[1:], batch_size=8)
        with pytest.raises(ValueError, match=f"Expected {part} to take batches of any size"):
            MODELS[name](**networks | {part: keras.Model(fixed, whole(fixed))})
        inputs = keras.Input(whole.input_shape[1:])
        with pytest.raises(ValueError, match=f"Expected {part} to return a tensor. Received: a dict of .'codes'"):
            MODELS[name](**networks | {part: keras.Model(inputs, {"codes": whole(inputs)})})


def test_a_critic_with_batch_norm_is_refused_at_any_depth():
    networks = tiny.networks_of("info_wgan_gp")
    trunk, head = networks["encoder"].layers
    nested = keras.Sequential([keras.Sequential([layers.BatchNormalization()])])
    trunk = keras.Sequential([keras.Input(tiny.SHAPE), nested, trunk])
    with pytest.raises(ValueError, match="without batch norm"):
        InfoWGANGP(**networks | {"encoder": keras.Sequential([keras.Input(tiny.SHAPE), trunk, head])})


@pytest.mark.parametrize("name", tiny.one_of_each("compile"))
@pytest.mark.parametrize(
    "ignored", [{"loss": "mse"}, {"metrics": ["mae"]}, {"weighted_metrics": ["mae"]}, {"loss_weights": [1.0]}], ids=str
)
def test_compile_refuses_what_a_model_would_ignore(name, ignored):
    model = MODELS[name](**tiny.shared_networks_of(name))
    with pytest.raises(ValueError, match=f"without losses and metrics.*Received: .*{next(iter(ignored))}"):
        model.compile(**ignored)
    assert not model.compiled


class WithLayer(VAE):
    """A VAE with a layer of its own, which no optimizer trains."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra = layers.Dense(2, name="extra")
        self.extra.build((None, 3))


class WithTrainedLayer(WithLayer):
    """The same, trained as own variables are."""

    @property
    def own_variables(self):
        return [*super().own_variables, *self.extra.trainable_variables]

    def loss_terms(self, images, posterior, z):
        terms = super().loss_terms(images, posterior, z)
        return {**terms, "loss": terms["loss"] + tf.reduce_sum(self.extra(z), axis=-1)}


def test_a_layer_that_nothing_trains_is_refused_unless_it_is_frozen():
    model = WithLayer(tiny.encoder(), tiny.decoder())
    with pytest.raises(ValueError, match=r"add its variables to own_variables.*Received: .*kernel.*none trains"):
        model.compile()
    model.extra.trainable = False
    model.compile()


def test_a_layer_whose_variables_are_the_models_own_is_trained():
    model = WithTrainedLayer(tiny.encoder(), tiny.decoder())
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    bias = keras.ops.convert_to_numpy(model.extra.bias)
    model.train_step(tf.constant(X))
    np.testing.assert_allclose(model.extra.bias.numpy(), bias - 0.1, rtol=1e-5)  # d loss / d bias = 1


def test_a_scalar_loss_is_refused():
    class Scalar(VAE):
        def loss_terms(self, images, posterior, z):
            terms = super().loss_terms(images, posterior, z)
            return {**terms, "loss": tf.reduce_mean(terms["loss"])}

    model = Scalar(tiny.encoder(), tiny.decoder())
    model.compile()
    with pytest.raises(ValueError, match=r"Expected a loss with a value for each image, \[B\].*Received: shape=\(\)"):
        model.fit(X, verbose=0)


WITH_TWO_OPTIMIZERS = [name for name in MODELS if len(MODELS[name].optimizers) == 2]


@pytest.mark.parametrize("name", WITH_TWO_OPTIMIZERS)
def test_one_optimizer_for_two_is_refused(name):
    model, optimizer = MODELS[name](**tiny.networks_of(name)), keras.optimizers.Adam()
    with pytest.raises(ValueError, match=r"Expected an optimizer for each of .*discriminator_optimizer.*the same one"):
        model.compile(optimizer, discriminator_optimizer=optimizer)


@pytest.mark.parametrize("wrap", [lambda inner: inner, keras.optimizers.LossScaleOptimizer], ids=["plain", "scaled"])
def test_the_optimizer_of_another_model_is_refused(wrap):
    optimizer = wrap(keras.optimizers.Adam())
    tiny.make("vae", optimizers={"optimizer": optimizer})
    with pytest.raises(ValueError, match=r"Expected a new optimizer\. Received: optimizer, which has trained other"):
        tiny.make("vae", optimizers={"optimizer": optimizer})


def test_an_optimizer_continues_when_a_layer_is_frozen():
    optimizer = keras.optimizers.SGD(0.1)
    model = tiny.make("vae", optimizers={"optimizer": optimizer})
    model.decoder.trainable = False
    model.compile(optimizer, run_eagerly=True)
    model.train_step(tf.constant(X))
    assert int(optimizer.iterations) == 1


def test_networks_of_two_optimizers_may_not_share_a_layer():
    shared = layers.Dense(tiny.DIM)
    decoder = keras.Sequential([keras.Input((tiny.DIM,)), shared, tiny.decoder()])
    discriminator = keras.Sequential([keras.Input((tiny.DIM,)), shared, tiny.discriminator()])
    networks = tiny.networks_of("factor_vae") | {"decoder": decoder, "discriminator": discriminator}
    model = MODELS["factor_vae"](**networks)
    with pytest.raises(ValueError, match=r"without a common layer.*kernel in decoder and discriminator"):
        model.compile()
    shared.trainable = False
    model.compile()


def test_a_layer_in_two_networks_of_an_optimizer_is_trained_once_a_step():
    shared = layers.Dense(4, use_bias=False)
    encoder = keras.Sequential([keras.Input((4,)), shared])
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(4, trainable=False), shared])
    model = VAE(encoder, decoder, likelihood="gaussian", scale=1.0)
    model.compile(keras.optimizers.Adam(0.1), run_eagerly=True)
    before = keras.ops.convert_to_numpy(shared.kernel)
    model.train_step(tf.constant(np.random.default_rng(0).normal(size=(8, 4)), tf.float32))
    # Adam's first step is the rate in each direction.
    np.testing.assert_allclose(np.abs(shared.kernel.numpy() - before), 0.1, rtol=1e-3)


@pytest.mark.parametrize("name", tiny.one_of_each("train_step", "trained_networks", "paired"))
def test_frozen_networks_make_a_step_that_moves_nothing(name):
    model = tiny.make(name, **tiny.PARAMETERS.get(name, {}))
    for network in model.networks:
        getattr(model, network).trainable = False
    optimizers = {key: keras.optimizers.Adam() for key in model.optimizers}
    model.compile(**optimizers, run_eagerly=True)
    before = tiny.weights(model, *model.networks)
    model.fit(tiny.examples(name, X), batch_size=8, verbose=0)
    np.testing.assert_array_equal(tiny.weights(model, *model.networks), before)
    assert int(model.optimizer.iterations) == 1
