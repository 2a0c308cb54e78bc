"""Disentanglement metrics: NumPy functions of `Codes`, one a file; `registry` has them by name."""

from tfvae.metrics.amari import amari_score
from tfvae.metrics.beta_vae import beta_vae_score
from tfvae.metrics.codes import Codes
from tfvae.metrics.dci import dci_score
from tfvae.metrics.downstream import downstream_score
from tfvae.metrics.explicitness import explicitness_score
from tfvae.metrics.factor_vae import factor_vae_score
from tfvae.metrics.irs import irs_score
from tfvae.metrics.mig import mig_score
from tfvae.metrics.modularity import modularity_score
from tfvae.metrics.mutual_information import mutual_information_score
from tfvae.metrics.predictability import predictability_score
from tfvae.metrics.registry import LOWER_IS_BETTER, METRICS, UNSUPERVISED
from tfvae.metrics.sap import sap_score
from tfvae.metrics.scoring import QUICK, ceiling, score, score_codes
from tfvae.metrics.total_correlation import total_correlation_score
from tfvae.metrics.udr import udr
from tfvae.metrics.wasserstein_correlation import wasserstein_correlation_score

__all__ = [
    "LOWER_IS_BETTER",
    "METRICS",
    "QUICK",
    "UNSUPERVISED",
    "Codes",
    "amari_score",
    "beta_vae_score",
    "ceiling",
    "dci_score",
    "downstream_score",
    "explicitness_score",
    "factor_vae_score",
    "irs_score",
    "mig_score",
    "modularity_score",
    "mutual_information_score",
    "predictability_score",
    "sap_score",
    "score",
    "score_codes",
    "total_correlation_score",
    "udr",
    "wasserstein_correlation_score",
]
