from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests import tiny
from tfvae.models import MODELS, VAE, Anica, InfoWGANGP, create

X = tiny.images(8)
each_model = pytest.mark.parametrize("name", MODELS)


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@each_model
@pytest.mark.parametrize("network", [Subclassed, lambda: keras.Sequential([layers.Dense(6)])], ids=["own", "unbuilt"])
def test_a_network_without_a_shape_is_refused_with_how_to_build_it(name, network):
    networks = tiny.networks_of(name)
    for part in networks:
        with pytest.raises(ValueError, match=rf"Expected {part} to be a built .* keras\.Input\(shape\)"):
            MODELS[name](**networks | {part: network()})


@each_model
def test_an_encoder_with_two_outputs_is_refused_with_how_to_join_them(name):
    inputs = keras.Input(tiny.SHAPE)
    flat = layers.Flatten()(inputs)
    encoder = keras.Model(inputs, [layers.Dense(3)(flat), layers.Dense(3)(flat)])
    with pytest.raises(ValueError, match=r"Expected encoder to have one output. Received: 2, .*Concatenate"):
        MODELS[name](**tiny.networks_of(name) | {"encoder": encoder})


def _ending_in(*last):
    return keras.Sequential([keras.Input((3,)), layers.Dense(16), *last])


@pytest.mark.parametrize("cls", [VAE, Anica])
@pytest.mark.parametrize(
    "last",
    [
        [layers.Activation("sigmoid"), layers.Reshape(tiny.SHAPE)],
        [layers.Reshape(tiny.SHAPE), layers.Conv2D(1, 3, padding="same", activation="sigmoid")],
        [keras.Sequential([layers.Dense(16, activation="sigmoid"), layers.Reshape(tiny.SHAPE)])],
    ],
)
def test_a_decoder_that_ends_in_a_sigmoid_is_refused(cls, last):
    networks = tiny.networks_of("anica" if cls is Anica else "vae")
    with pytest.raises(ValueError, match="Expected decoder to output logits"):
        cls(**networks | {"decoder": _ending_in(*last)})
    # One in the middle is the network's own affair.
    middle = [layers.Activation("sigmoid"), layers.Dense(16), layers.Reshape(tiny.SHAPE)]
    cls(**networks | {"decoder": _ending_in(*middle)})


class Squash(layers.Layer):
    def call(self, inputs):
        return keras.ops.sigmoid(inputs)


def _squashed_by_an_operation():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.ops.sigmoid(tiny.decoder()(inputs)))


@pytest.mark.parametrize("name", ["vae", "joint_factor_vae", "anica"])
@pytest.mark.parametrize(
    "decoder",
    [
        _squashed_by_an_operation,
        lambda: _ending_in(Squash(), layers.Reshape(tiny.SHAPE)),
        lambda: _ending_in(layers.Lambda(tf.sigmoid), layers.Reshape(tiny.SHAPE)),
        lambda: _ending_in(layers.Reshape(tiny.SHAPE), layers.Activation("hard_sigmoid")),
    ],
    ids=["operation", "layer", "lambda", "hard"],
)
def test_a_sigmoid_that_the_last_layer_does_not_show_causes_a_warning(name, decoder):
    networks = tiny.networks_of(name)
    if name == "joint_factor_vae":  # its codes are wider
        inputs = keras.Input(networks["decoder"].input_shape[1:])
        decoder = partial(keras.Model, inputs, decoder()(layers.Dense(3)(inputs)))
    with pytest.warns(UserWarning, match="Expected decoder to output logits.*as if it ended in a sigmoid"):
        MODELS[name](**networks | {"decoder": decoder() if callable(decoder) else decoder})


@pytest.mark.parametrize(
    "last",
    [
        [layers.ReLU()],
        [layers.Dense(16, kernel_initializer="zeros", bias_initializer="ones")],
        [layers.Dense(16, kernel_initializer="zeros", bias_initializer="ones"), layers.Activation("tanh")],
        [layers.Activation("tanh")],
        [layers.Activation("softplus")],
        [layers.Activation("tanh"), layers.Dense(16)],
        [layers.BatchNormalization()],
    ],
    ids=str,
)
def test_other_decoders_cause_no_warning(last):
    VAE(tiny.encoder(), _ending_in(*last, layers.Reshape(tiny.SHAPE)))


@pytest.mark.parametrize("architecture", VAE.architectures)
def test_the_zoos_decoders_cause_no_warning(architecture):
    create("vae", (16, 16, 1), architecture=architecture, latent_dim=2)


def test_a_critic_with_batch_norm_is_refused_at_any_depth():
    networks = tiny.networks_of("info_wgan_gp")
    trunk, head = networks["encoder"].layers
    nested = keras.Sequential([keras.Sequential([layers.BatchNormalization()])])
    trunk = keras.Sequential([keras.Input(tiny.SHAPE), nested, trunk])
    with pytest.raises(ValueError, match="without batch norm"):
        InfoWGANGP(**networks | {"encoder": keras.Sequential([keras.Input(tiny.SHAPE), trunk, head])})


@each_model
@pytest.mark.parametrize(
    "ignored", [{"loss": "mse"}, {"metrics": ["mae"]}, {"weighted_metrics": ["mae"]}, {"loss_weights": [1.0]}], ids=str
)
def test_compile_refuses_what_a_model_would_ignore(name, ignored):
    model = MODELS[name](**tiny.networks_of(name))
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
