import doctest

import keras
import numpy as np
import pytest

import tfvae
from tests import tiny
from tfvae.models import MODELS, VAE, registry

X = tiny.images(16)


@pytest.fixture(autouse=True)
def _models(monkeypatch):
    # What a test registers is forgotten after it.
    for name in ("own", "other", "free_bits_vae"):
        monkeypatch.setitem(MODELS, name, None)
        del MODELS[name]


def declared():
    """A new class of the same qualified name, as a module that is reloaded declares."""

    class Own(VAE):
        """A VAE that weighs the KL term by a strength."""

        def __init__(self, encoder, decoder, *, strength=2.0, **kwargs):
            super().__init__(encoder, decoder, **kwargs)
            self.strength = strength

        def loss_terms(self, images, posterior, z):
            terms = super().loss_terms(images, posterior, z)
            return {**terms, "loss": terms["reconstruction"] + self.strength * terms["kl"]}

        def get_config(self):
            return {**super().get_config(), "strength": self.strength}

    return Own


@pytest.mark.usefixtures("eager")
def test_a_registered_model_is_built_trained_saved_and_loaded_by_its_name(tmp_path):
    own = tfvae.register_model("own")(declared())
    assert MODELS["own"] is own
    model = tfvae.create("own", (16, 16, 1), latent_dim=2, strength=3.0, likelihood="gaussian", scale=0.5)
    model.fit(tiny.images(8, shape=(16, 16, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert (type(loaded), loaded.strength, loaded.scale) == (own, 3.0, 0.5)
    np.testing.assert_array_equal(tiny.weights(model), tiny.weights(loaded))
    beta_vae = tiny.make("beta_vae", beta=3.0)
    expected = beta_vae.evaluate(X, verbose=0, return_dict=True)
    assert tiny.make("own", strength=3.0).evaluate(X, verbose=0, return_dict=True) == expected


def test_parameters_of_a_registered_model_include_those_that_its_parents_take():
    tfvae.register_model("own")(declared())
    found = tfvae.models.completed(tfvae.Experiment("own", parameters={"likelihood": "gaussian"}))
    assert found.parameters == {"strength": 2.0, "likelihood": "gaussian"}
    with pytest.raises(ValueError, match=r"\['likelihood', 'scale', 'strength'\] for Own. Received: \['strenght'\]"):
        tfvae.create("own", (16, 16, 1), parameters={"strenght": 1.0})


def test_a_parameter_without_a_default_has_to_be_given():
    class Needy(VAE):
        def __init__(self, encoder, decoder, *, strength, **kwargs):
            super().__init__(encoder, decoder, **kwargs)

    tfvae.register_model("own")(Needy)
    with pytest.raises(ValueError, match=r"parameters with \['strength'\] for Needy. Received: {}"):
        tfvae.create("own", (16, 16, 1))


def test_a_class_may_fix_a_parameter_of_its_parent():
    class Fixed(tfvae.BetaVAE):
        def __init__(self, encoder, decoder, **kwargs):
            super().__init__(encoder, decoder, beta=8.0, **kwargs)

    tfvae.register_model("own")(Fixed)
    assert tfvae.create("own", (16, 16, 1), latent_dim=2, scale=0.5, likelihood="gaussian").beta == 8.0


def test_a_class_that_is_declared_again_replaces_itself():
    first, second = declared(), declared()
    for each in (first, second):
        tfvae.register_model("own")(each)
    assert MODELS["own"] is second
    assert keras.saving.get_registered_object("tfvae_registered>own") is second


def test_the_registration_with_keras_of_a_class_is_kept():
    own = keras.saving.register_keras_serializable("mine")(declared())
    tfvae.register_model("own")(own)
    assert keras.saving.get_registered_name(own) == "mine>Own"


def test_names_and_classes_that_cannot_be_registered_are_refused():
    for wrong in ("", "My-VAE", "vae 2", 3):
        with pytest.raises(ValueError, match=r"lower-case letters, digits and underscores. Received: name="):
            tfvae.register_model(wrong)
    with pytest.raises(ValueError, match=r"no other model has. Received: name='vae', which is .*VAE"):
        tfvae.register_model("vae")(declared())
    for wrong in (keras.Model, lambda images: images):
        with pytest.raises(TypeError, match=r"subclass of tfvae.models.Model to register as 'other'"):
            tfvae.register_model("other")(wrong)
    assert MODELS["vae"] is VAE
    assert "other" not in MODELS


def test_the_example_in_the_docstring_runs():
    (example,) = doctest.DocTestFinder().find(registry.register_model, "register_model", globs={})
    results = doctest.DocTestRunner().run(example)
    assert (results.attempted, results.failed) == (4, 0)
