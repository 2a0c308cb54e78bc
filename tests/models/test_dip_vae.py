import keras
import numpy as np
import pytest

from tests import tiny
from tfvae.models import DIPVAE1, DIPVAE2

X = tiny.images(16)


def penalty(model, images):
    """lambda_od sum_{i != j} C_ij^2 + lambda_d sum_i (C_ii - 1)^2, with C of the batch."""
    code = {name: value.numpy().astype(np.float64) for name, value in model(images).items()}
    covariance = np.cov(code["mean"], rowvar=False, bias=True)
    if isinstance(model, DIPVAE2):
        covariance += np.diag(np.exp(code["log_variance"]).mean(axis=0))
    off = covariance[~np.eye(len(covariance), dtype=bool)]
    return model.lambda_od * np.sum(off**2) + model.lambda_d * np.sum((np.diag(covariance) - 1) ** 2)


@pytest.mark.parametrize("name", ["dip_vae_i", "dip_vae_ii"])
def test_loss_adds_the_penalty_of_the_batch(name):
    model = tiny.make(name, lambda_od=2.0, lambda_d=7.0)
    results = model.evaluate(X, batch_size=16, verbose=0, return_dict=True)
    assert results["covariance_penalty"] == pytest.approx(penalty(model, X), rel=1e-4)
    total = results["reconstruction"] + results["kl"] + results["covariance_penalty"]
    assert results["loss"] == pytest.approx(total, rel=1e-5)
    assert results["covariance_penalty"] > 0.1


@pytest.mark.parametrize("name", ["dip_vae_i", "dip_vae_ii"])
def test_a_strong_penalty_draws_the_covariance_to_the_identity(name):
    adam = {"optimizer": keras.optimizers.Adam(1e-2)}
    model = tiny.make(name, lambda_od=300.0, lambda_d=300.0, optimizers=adam)
    before = penalty(model, X)
    model.fit(np.concatenate([X] * 150), batch_size=16, shuffle=False, verbose=0)
    assert penalty(model, X) < 0.2 * before


def test_negative_weights_are_refused():
    for cls in (DIPVAE1, DIPVAE2):
        with pytest.raises(ValueError, match=r"at least 0\. Received: lambda_od=1.0, lambda_d=-1"):
            cls(tiny.encoder(), tiny.decoder(), lambda_od=1.0, lambda_d=-1)
