import keras
import numpy as np
import pytest

from tests import tiny
from tfvae.export import export_decoder, export_encoder, export_tflite, load_decoder, load_saved_model, tflite_runner
from tfvae.export.precision import in_float32
from tfvae.models import VAE

IMAGES = tiny.images(3)


@keras.saving.register_keras_serializable("tests")
class Own(keras.layers.Layer):
    """Adds what its configuration does not hold."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.added = 0.0

    def call(self, inputs):
        return inputs + self.added


class Needy(keras.layers.Layer):
    """Has no configuration."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


class Unregistered(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def precisions(layer):
    return {layer.compute_dtype}.union(*(precisions(each) for each in getattr(layer, "layers", [])))


def own_model(layer):
    """A VAE of mixed precision with a layer of its own in the encoder."""
    inner = keras.layers.Dense(4, dtype="float32")
    encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), layer, inner])
    return VAE(encoder, tiny.decoder(dim=2), dtype="mixed_bfloat16")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, "mixed_bfloat16") for name in tiny.one_of_each("networks", "network_makers", "representation")),
        ("factor_vae", "mixed_float16"),
    ],
)
def test_every_model_is_copied_to_float32_with_its_weights(name, dtype):
    model = tiny.make(name, dtype=dtype)
    copy = in_float32(model)
    assert type(copy) is type(model)
    for network in model.networks:
        mixed, plain = getattr(model, network), getattr(copy, network)
        for before, after in zip(mixed.get_weights(), plain.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
        assert precisions(plain) == {"float32"}
    assert dtype.removeprefix("mixed_") in set().union(*(precisions(getattr(model, each)) for each in model.networks))
    assert in_float32(copy) is copy


@pytest.mark.parametrize("name", ["vae", "qlae", "info_gan"])
def test_exports_of_mixed_precision_compute_in_float32_and_convert(name, tmp_path):
    model = tiny.make(name, dtype="mixed_bfloat16")
    plain = in_float32(model)
    path = export_encoder(model, tmp_path / "1")
    expected = plain(IMAGES)
    found = load_saved_model(path)(IMAGES)
    for output in expected:
        np.testing.assert_allclose(found[output], expected[output], atol=1e-5)
    export_tflite(path, tmp_path / "encoder.tflite", {"images": IMAGES})
    np.testing.assert_allclose(
        tflite_runner(tmp_path / "encoder.tflite")({"images": IMAGES})["mean"], found["mean"], atol=1e-4
    )
    decode = load_decoder(export_decoder(model, tmp_path / "decoder" / "1"))
    means = np.random.default_rng(1).normal(size=(2, decode.latent_dim))
    codes = np.hstack([means, np.eye(2, decode.categories)]).astype(np.float32)
    np.testing.assert_allclose(decode(codes), plain.decode(codes), atol=1e-5)


def test_a_trained_scale_is_copied(tmp_path):
    model = tiny.make("vae", likelihood="gaussian", scale=None, dtype="mixed_bfloat16")
    model.log_scale.assign(-1.5)
    assert float(in_float32(model).log_scale.numpy()) == -1.5


def test_a_layer_that_is_not_registered_is_copied():
    layer = Unregistered(dtype="mixed_bfloat16")
    copy = in_float32(own_model(layer))
    assert copy.encoder.layers[1].compute_dtype == "float32"


def test_a_model_that_cannot_be_copied_is_exported_as_it_is_with_a_warning(tmp_path):
    model = own_model(Needy(lambda x: 3 * x, dtype="mixed_bfloat16"))
    with pytest.warns(UserWarning, match="computes in lower precision, as the model could not be copied: .*Needy"):
        path = export_encoder(model, tmp_path / "1")
    np.testing.assert_allclose(load_saved_model(path)(IMAGES)["mean"], model(IMAGES)["mean"], atol=2e-2)


def test_a_copy_that_computes_something_else_is_not_used():
    layer = Own(dtype="mixed_bfloat16")
    layer.added = 5.0
    model = own_model(layer)
    with pytest.warns(UserWarning, match="could not be copied: the encoder's outputs differ by "):
        assert in_float32(model) is model
