import math

import numpy as np
import pytest
import scipy.stats

from tests import tiny
from tfvae.models import InformationDropout

X = tiny.images(6)


def make(**parameters):
    return tiny.make("information_dropout", **parameters)


def parameters_of(model, images):
    """f and alpha of the paper, [B, D] each."""
    a, b = np.split(model.encoder(images).numpy().astype(np.float64), 2, axis=1)
    return np.logaddexp(0, a), model.max_alpha / (1 + np.exp(-b))


def test_kl_is_the_closed_form_and_the_monte_carlo_estimate_between_log_normals():
    model = make(max_alpha=0.5)
    f, alpha = parameters_of(model, X)
    closed = np.sum((alpha**2 + np.log(f) ** 2 - 1) / 2 - np.log(alpha), axis=1)
    kl = model.loss_terms(X, model.posterior(X), model(X)["mean"])["kl"]
    np.testing.assert_allclose(kl, closed, rtol=1e-5)
    noise = np.random.default_rng(0).normal(size=(20_000, *f.shape))
    z = f * np.exp(alpha * noise)
    log_q = scipy.stats.lognorm.logpdf(z, s=alpha, scale=f)
    samples = np.sum(log_q - scipy.stats.lognorm.logpdf(z, s=1.0), axis=2)
    # Five standard errors of 20,000 samples.
    tolerance = 5 * samples.std(axis=0) / np.sqrt(len(samples))
    assert np.all(tolerance < 0.2)
    assert np.all(np.abs(samples.mean(axis=0) - kl) < tolerance)


def test_the_decoder_gets_activations_times_noise():
    model = make(beta=3.0)
    f, alpha = parameters_of(model, X)
    posterior = model.posterior(X)
    code = model.sample(posterior, (0, 1)).numpy()
    noise = (code - posterior.mean()) / posterior.stddev()
    z = (f * np.exp(alpha * noise)).astype(np.float32)
    np.testing.assert_allclose(model.decode(code), 1 / (1 + np.exp(-model.decoder(z).numpy())), rtol=1e-4)
    terms = model.loss_terms(X, posterior, code)
    np.testing.assert_allclose(terms["loss"], terms["reconstruction"] + 3.0 * terms["kl"], rtol=1e-5)


def test_representation_is_of_the_logarithm_of_the_code():
    model = make(max_alpha=0.7)
    f, alpha = parameters_of(model, X)
    outputs = model.predict(X, verbose=0)
    np.testing.assert_allclose(outputs["mean"], np.log(f), atol=1e-5)
    np.testing.assert_allclose(outputs["log_variance"], 2 * np.log(alpha), atol=1e-5)


def test_extreme_outputs_of_the_encoder_have_finite_codes():
    model = make(max_alpha=0.7)
    code = model.representation(np.float32([[-200.0, -15.1, -14.9, 1e4, -1e4, 100.0]]))
    np.testing.assert_allclose(code["mean"][0], [-200.0, -15.1, -14.9], rtol=1e-5)
    # No more noise than max_alpha.
    np.testing.assert_allclose(code["log_variance"][0], [2 * math.log(0.7), -2e4, 2 * math.log(0.7)], rtol=1e-4)


def test_arguments_out_of_range_are_refused():
    for arguments in ({"beta": -1.0}, {"max_alpha": 0.0}, {"max_alpha": 1.5}):
        with pytest.raises(ValueError, match=r"max_alpha in \(0, 1\]\. Received: beta="):
            InformationDropout(tiny.encoder(), tiny.decoder(), **arguments)
