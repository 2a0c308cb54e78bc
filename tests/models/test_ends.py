from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests import tiny
from tfvae.models import MODELS, VAE, Anica, create

# Constructors of other networks: each asks for the check.
WITH_LOGITS = [
    (name, network)
    for name in tiny.one_of_each("networks", "network_makers", "check_networks", "representation")
    for network in MODELS[name].networks
    if network in ("decoder", "discriminator")
]
# One for each kind of end.
KINDS = [("vae", "decoder"), ("factor_vae", "discriminator")]


def _ending_in(*last):
    return keras.Sequential([keras.Input((3,)), layers.Dense(16), *last])


def _with_last(name, network, layer):
    """The networks of a model, one of which ends in a layer."""
    networks = tiny.shared_networks_of(name)
    whole = networks[network]
    networks[network] = keras.Sequential([keras.Input(whole.input_shape[1:]), whole, layer])
    return networks


@pytest.mark.parametrize(
    ("name", "network", "last"),
    [(*each, layers.Activation("sigmoid")) for each in WITH_LOGITS]
    + [(*each, last) for each in KINDS for last in (layers.Softmax(), layers.Activation("softmax"))],
)
def test_networks_whose_outputs_are_logits_end_in_no_sigmoid_or_softmax(name, network, last):
    with pytest.raises(ValueError, match=f"Expected {network} to output logits.*activation='(sigmoid|softmax)'"):
        MODELS[name](**_with_last(name, network, last), **tiny.PARAMETERS.get(name, {}))


@pytest.mark.parametrize(
    ("name", "network", "last"),
    [(*each, layers.Activation("tanh")) for each in WITH_LOGITS]
    + [(*each, last) for each in KINDS for last in (layers.ReLU(), layers.Activation("softplus"))],
)
def test_an_end_that_allows_no_logit_past_a_bound_causes_a_warning(name, network, last):
    with pytest.warns(UserWarning, match=f"Expected {network} to output logits.*which bounds them"):
        MODELS[name](**_with_last(name, network, last), **tiny.PARAMETERS.get(name, {}))


def test_a_file_of_a_model_with_such_an_end_still_loads(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("tfvae.models.adversarial.check_logits", lambda *_: None)
        model = MODELS["factor_vae"](**_with_last("factor_vae", "discriminator", layers.Softmax()))
    model.save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="Expected discriminator to output logits"):
        loaded = keras.models.load_model(tmp_path / "model.keras")
    x = tiny.images(4)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0)["mean"], model.predict(x, verbose=0)["mean"])


def test_vectors_of_a_gaussian_may_end_in_anything():
    decoder = keras.Sequential([keras.Input((3,)), layers.Dense(5, activation="sigmoid")])
    VAE(tiny.encoder(shape=(5,)), decoder, likelihood="gaussian")


@pytest.mark.parametrize("name", ["info_gan", "info_wgan_gp"])
@pytest.mark.parametrize("activation", ["tanh", "linear", "relu"])
def test_a_generator_of_other_pixels_than_0_to_1_is_refused(name, activation):
    networks = tiny.shared_networks_of(name)
    last = [layers.Dense(16, activation=activation), layers.Reshape(tiny.SHAPE)]
    generator = keras.Sequential([keras.Input(networks["generator"].input_shape[1:]), *last])
    with pytest.raises(ValueError, match=r"Expected generator to output images in \[0, 1\].*Received: values from"):
        MODELS[name](**networks | {"generator": generator})


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
    networks = tiny.shared_networks_of("anica" if cls is Anica else "vae")
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
    networks = tiny.shared_networks_of(name)
    if name == "joint_factor_vae":  # its codes are wider
        inputs = keras.Input(networks["decoder"].input_shape[1:])
        decoder = partial(keras.Model, inputs, decoder()(layers.Dense(3)(inputs)))
    with pytest.warns(UserWarning, match="Expected decoder to output logits.*as if it ended in a sigmoid"):
        MODELS[name](**networks | {"decoder": decoder() if callable(decoder) else decoder})


@pytest.mark.parametrize(
    "last",
    [
        [layers.Dense(16, kernel_initializer="zeros", bias_initializer="ones")],
        [layers.Activation("elu")],
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
