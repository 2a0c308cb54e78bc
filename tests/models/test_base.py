import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.processes import Command
from tfvae.codes.capabilities import capabilities_of
from tfvae.models import MODELS, Model

X = tiny.images(6)


def test_another_backend_of_keras_is_refused():
    # A backend that is not installed cannot be set: Keras says that it is another one.
    program = "import keras; keras.backend.backend = lambda: 'jax'; import tfvae.models"
    process = Command("-c", program)
    last = process.communicate()[1].strip().splitlines()[-1]
    assert process.returncode == 1
    assert last.startswith("ImportError: Expected the TensorFlow backend of Keras. Received: KERAS_BACKEND=jax. Set ")


def test_no_model_has_more_than_three_classes_above_it_up_to_the_base():
    for cls in MODELS.values():
        assert len([each for each in cls.__mro__ if issubclass(each, Model)]) <= 4, cls


@pytest.mark.parametrize("name", MODELS)
def test_declared_capabilities_are_what_the_model_does(name, untraced):
    model = tiny.make(name, **tiny.PARAMETERS.get(name, {}))
    can = capabilities_of(model)
    code = can.represent(X)
    assert can.image_shape == X.shape[1:]
    assert ("log_variance" in code) == model.has_log_variance
    assert ("probabilities" in code) == (model.categories > 0)
    codes = np.hstack([code[key] for key in ("mean", "probabilities") if key in code])
    assert codes.shape == (6, code["mean"].shape[1] + model.categories)

    # A model with a decoder says which network that is.
    assert (can.decode is None) == (model.decoding_network is None)
    decoded = np.asarray(can.decode(codes))
    assert decoded.shape == X.shape
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert model.decoding_network in model.networks

    if can.log_likelihood is None:
        assert name in ("info_gan", "info_wgan_gp")
    else:
        assert can.log_likelihood(X, codes).shape == (6,)

    if can.prior_draws is None:
        assert name in ("anica", "qlae")
    else:
        draws = can.prior_draws(5, 0)
        assert [each.shape[1] for each in draws] == [codes.shape[1]] + [can.noise_dim] * (can.noise_dim > 0)
        assert np.asarray(can.decode(*draws)).shape == (5, *X.shape[1:])
        # The same seed gives the same draws, and another seed others.
        np.testing.assert_array_equal(np.hstack(draws), np.hstack(can.prior_draws(5, 0)))
        assert np.any(np.hstack(draws) != np.hstack(can.prior_draws(5, 1)))

    # A posterior has log variances of its own, or one width for all images.
    assert (model.posterior is not None) == model.has_log_variance
    assert (model.code_stddev is not None) == ("gan" in name)


def test_the_representation_is_traced_once_until_an_attribute_is_set():
    model = tiny.make("vae")
    represent = capabilities_of(model).represent
    np.testing.assert_allclose(represent(X)["mean"], model(X)["mean"], atol=1e-6)
    assert capabilities_of(model).represent is represent
    assert represent.experimental_get_tracing_count() == 1
    model.encoder = tiny.encoder(dim=2)
    np.testing.assert_allclose(capabilities_of(model).represent(X)["mean"], model(X)["mean"], atol=1e-6)


def test_a_format_from_which_nothing_could_be_loaded_is_refused(tmp_path):
    for file in (tmp_path / "model.h5", str(tmp_path / "model.hdf5")):
        with pytest.raises(ValueError, match=r"ends in \.keras\. Received: '.*\.h"):
            tiny.make("vae").save(file)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["vae", "info_gan"])
def test_tensorflow_saves_the_representation_as_a_signature(name, tmp_path):
    model = tiny.make(name)
    tf.saved_model.save(model, tmp_path / "1")
    served = tf.saved_model.load(tmp_path / "1").signatures["serving_default"](tf.constant(X))
    expected = model(X)
    assert set(served) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(served[key], value, atol=1e-6)


# What each of the others gives is exported in test_round_trips.py, from the same representation.
@pytest.mark.parametrize("name", ["vae", "joint_factor_vae"])
def test_keras_exports_the_representation(name, tmp_path):
    model = tiny.make(name)
    model.export(tmp_path / "1", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "1")
    served, expected = loaded.serve(X), model(X)
    assert set(served) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(served[key], value, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_summary_says_which_network_is_which(name):
    networks = tiny.networks_of(name)
    lines = []
    MODELS[name](**networks).summary(print_fn=lambda line, **_: lines.append(line))
    for role, network in networks.items():
        assert f"{role} is {network.name!r}" in lines[0]


def test_a_loaded_model_is_run_as_it_was_compiled(tmp_path):
    compiled = {"run_eagerly": True, "auto_scale_loss": False}
    for values in (compiled, {name: not value for name, value in compiled.items()}):
        tiny.make("vae", compiled=values).save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert {name: getattr(loaded, name) for name in compiled} == values
