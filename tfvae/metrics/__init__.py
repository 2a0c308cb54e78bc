"""Disentanglement metrics: NumPy functions of `Codes`, one a file."""

from collections.abc import Callable

from tfvae.metrics.beta_vae import beta_vae_score
from tfvae.metrics.codes import Codes
from tfvae.metrics.factor_vae import factor_vae_score

# (codes, rng, **parameters) -> {"score": ..., ...}
METRICS: dict[str, Callable[..., dict[str, float]]] = {
    "beta_vae": beta_vae_score,
    "factor_vae": factor_vae_score,
}

__all__ = ["METRICS", "Codes", "beta_vae_score", "factor_vae_score"]
