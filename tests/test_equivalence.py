"""Models in the limits where they must agree, and one model on one device and on two."""

from contextlib import nullcontext

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.models import MODELS

X = tiny.images(48)


def train(model, images, batch_size=16, epochs=1):
    batches = tf.data.Dataset.from_tensor_slices(images).batch(batch_size)
    return model.fit(batches, epochs=epochs, shuffle=False, verbose=0).history


def test_beta_vae_of_beta_1_is_a_vae():
    vae, beta_vae = tiny.make("vae"), tiny.make("beta_vae", beta=1.0)
    for model in (vae, beta_vae):
        train(model, X)
    np.testing.assert_array_equal(tiny.weights(vae), tiny.weights(beta_vae))


def test_factor_vae_without_penalty_is_a_vae_on_every_second_image():
    vae, factor_vae = tiny.make("vae"), tiny.make("factor_vae", gamma=0.0)
    train(vae, X[0::2], batch_size=8)
    train(factor_vae, X, batch_size=16)
    np.testing.assert_allclose(tiny.weights(vae), tiny.weights(factor_vae, "encoder", "decoder"), atol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_two_replicas_train_like_one_device(name, mirrored):
    one, two = (
        tiny.make(name, scope=scope, **tiny.PARAMETERS.get(name, {})) for scope in (nullcontext, mirrored.scope)
    )
    # Three steps of Adam each. Of a last batch of 15 images one replica has 8 and one 7; of a last batch of 1, one has
    # none, which a model that halves its batch refuses.
    for size in (48, 47, 33) if one.batch_multiple == 1 else (48, 47):
        expected, logs = (train(model, X[:size]) for model in (one, two))
        np.testing.assert_allclose(tiny.weights(one), tiny.weights(two), atol=1e-6, err_msg=size)
        for key, values in logs.items():
            # Of 47 images, the log is the mean of one replica's mean over 24 and the other's over 23. That shows where
            # a value is 0 or 1.
            atol = 0.02 if key.startswith("accuracy_on") and size != 48 else 1e-5
            np.testing.assert_allclose(values, expected[key], rtol=1e-4, atol=atol, err_msg=f"{key} of {size}")


@pytest.mark.parametrize("name", MODELS)
def test_two_replicas_evaluate_like_one_device(name, mirrored):
    models = [tiny.make(name, scope=scope, **tiny.PARAMETERS.get(name, {})) for scope in (nullcontext, mirrored.scope)]
    for size in (48, 47, 33):
        batches = tf.data.Dataset.from_tensor_slices(X[:size]).batch(16)
        expected, results = (model.evaluate(batches, verbose=0, return_dict=True) for model in models)
        assert results == pytest.approx(expected, rel=1e-4, abs=1e-5), size


@pytest.mark.parametrize("compiled", [{"jit_compile": True}, {"steps_per_execution": 2}], ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_what_keras_cannot_do_on_two_replicas_is_refused(name, compiled, mirrored):
    with pytest.raises(ValueError, match=r"more than one replica.* replicas=2"):
        tiny.make(name, scope=mirrored.scope, compiled=compiled)
