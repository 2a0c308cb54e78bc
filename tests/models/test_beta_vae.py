import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference, tiny
from tfvae.models import BetaVAE

X = tiny.images(8)


def test_gradient_is_that_of_the_objective():
    # One step of gradient descent at rate 1 takes the gradient away from the weights.
    model = tiny.make("beta_vae", beta=6.0, optimizers={"optimizer": keras.optimizers.SGD(1.0)})
    noise = tf.random.stateless_normal([8, tiny.DIM], model.step_seed(stream=0)).numpy()
    by_hand = reference.FactorVAE(
        *([w.numpy() for w in network.weights] for network in (model.encoder, model.decoder, tiny.discriminator())),
        gamma=0.0,
        beta=6.0,
        update=lambda weights, gradients: [w - g for w, g in zip(weights, gradients, strict=True)],
        update_discriminator=None,
    )
    by_hand.step(X, noise)
    model.train_on_batch(X)
    expected = np.concatenate([np.ravel(w) for w in by_hand.theta])
    np.testing.assert_allclose(tiny.weights(model), expected, rtol=1e-4, atol=1e-5)


def test_loss_weighs_the_kl_by_beta():
    results = tiny.make("beta_vae", beta=2.5).evaluate(X, verbose=0, return_dict=True)
    assert results["loss"] == pytest.approx(results["reconstruction"] + 2.5 * results["kl"], rel=1e-5)
    assert results["kl"] > 0.1


def test_a_negative_beta_is_refused():
    with pytest.raises(ValueError, match=r"at least 0\. Received: beta=-1"):
        BetaVAE(tiny.encoder(), tiny.decoder(), beta=-1)
