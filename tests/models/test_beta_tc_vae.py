import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.objectives.test_vae import aggregate, weights_by_hand
from tfvae.models import BetaTCVAE

X = tiny.images(16)


@pytest.mark.parametrize("stratified", [False, True])
def test_loss_weighs_the_three_parts_of_the_kl(stratified):
    model = tiny.make("beta_tc_vae", dataset_size=40, alpha=0.5, beta=3.0, gamma=2.0, stratified=stratified)
    code = {name: value.numpy().astype(np.float64) for name, value in model(X).items()}
    noise = tf.random.stateless_normal([16, tiny.DIM], model.test_seed(stream=0)).numpy()
    results = model.evaluate(X, batch_size=16, verbose=0, return_dict=True)
    z = code["mean"] + np.exp(code["log_variance"] / 2) * noise
    joint, marginals = aggregate(z, code["mean"], code["log_variance"], weights_by_hand(16, 40, stratified))
    posterior = -0.5 * np.sum(np.log(2 * np.pi) + code["log_variance"] + noise**2, axis=1)
    prior = -0.5 * np.sum(np.log(2 * np.pi) + z**2, axis=1)
    parts = {
        "mutual_information": np.mean(posterior - joint),
        "total_correlation": np.mean(joint - marginals),
        "dimension_wise_kl": np.mean(marginals - prior),
    }
    for name, value in parts.items():
        assert results[name] == pytest.approx(value, rel=1e-3, abs=1e-4), name
    # The three sum to the KL of this z, which the closed form takes the place of.
    weighted = 0.5 * parts["mutual_information"] + 3 * parts["total_correlation"] + 2 * parts["dimension_wise_kl"]
    expected = results["reconstruction"] + weighted + results["kl"] - sum(parts.values())
    assert results["loss"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("stratified", [False, True])
def test_the_size_of_the_data_changes_gradients_of_stratified_sampling_alone(stratified):
    found = []
    for size in (40, 4000):
        model = tiny.make("beta_tc_vae", dataset_size=size, beta=3.0, stratified=stratified)
        with tf.GradientTape() as tape:
            posterior = model.posterior(X)
            z = posterior.mean() + 0.1
            terms = model.loss_terms(X, posterior, z)
            loss = tf.reduce_mean(terms["loss"])
        gradient = tf.concat([tf.reshape(each, [-1]) for each in tape.gradient(loss, model.encoder.weights)], 0)
        found.append((float(tf.reduce_mean(terms["total_correlation"])), gradient.numpy()))
    (small, one), (large, other) = found
    if stratified:
        assert np.abs(one - other).max() > 1e-4
    else:
        np.testing.assert_allclose(one, other, atol=1e-5)
        assert large - small == pytest.approx((tiny.DIM - 1) * np.log(100), rel=1e-4)


def test_arguments_out_of_range_are_refused():
    for arguments in ({"dataset_size": 0}, {"alpha": -1.0}, {"beta": -1.0}, {"gamma": -1.0}):
        with pytest.raises(ValueError, match=r"at least 1, and weights of at least 0\. Received: dataset_size="):
            BetaTCVAE(tiny.encoder(), tiny.decoder(), **arguments)


def test_a_batch_larger_than_the_data_set_is_refused():
    model = tiny.make("beta_tc_vae", dataset_size=15, stratified=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most dataset_size=15"):
        model.train_on_batch(X)
