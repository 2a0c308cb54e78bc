import numpy as np
import pytest

from tests import tiny
from tests.objectives.test_vae import aggregate
from tfvae.models import BatchTCVAE

X = tiny.images(16)


def test_loss_adds_the_estimate_of_appendix_d():
    model = tiny.without_noise(tiny.make("batch_tc_vae", gamma=4.0))
    # Posteriors of variance exp(-1), and codes that are their means: those of the model without noise.
    log_variance = np.full((16, tiny.DIM), -1.0)
    mean = model(X)["mean"].numpy()
    joint, marginals = aggregate(mean, mean, log_variance, np.full((16, 16), 1 / 16))
    kernel, bias = model.encoder.layers[-1].get_weights()
    bias[tiny.DIM :] = -1.0
    model.encoder.layers[-1].set_weights([kernel, bias])
    terms = model.loss_terms(X, model.posterior(X), mean)
    np.testing.assert_allclose(terms["total_correlation"], joint - marginals, atol=1e-4)
    expected = terms["reconstruction"] + terms["kl"] + 4.0 * terms["total_correlation"]
    np.testing.assert_allclose(terms["loss"], expected, rtol=1e-5)


def test_a_negative_gamma_is_refused():
    with pytest.raises(ValueError, match=r"at least 0\. Received: gamma=-2"):
        BatchTCVAE(tiny.encoder(), tiny.decoder(), gamma=-2)
