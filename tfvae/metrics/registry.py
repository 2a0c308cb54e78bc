"""The metrics by name."""

from collections.abc import Callable
from typing import Any

from tfvae.metrics.amari import amari_score
from tfvae.metrics.beta_vae import beta_vae_score
from tfvae.metrics.dci import dci_score
from tfvae.metrics.downstream import downstream_score
from tfvae.metrics.explicitness import explicitness_score
from tfvae.metrics.factor_vae import factor_vae_score
from tfvae.metrics.irs import irs_score
from tfvae.metrics.mig import mig_score
from tfvae.metrics.modularity import modularity_score
from tfvae.metrics.mutual_information import mutual_information_score
from tfvae.metrics.predictability import predictability_score
from tfvae.metrics.sap import sap_score
from tfvae.metrics.total_correlation import total_correlation_score
from tfvae.metrics.wasserstein_correlation import wasserstein_correlation_score

# (codes, rng, **parameters) -> {"score": ..., "standard_error": ..., ...}
METRICS: dict[str, Callable[..., dict[str, Any]]] = {
    "amari": amari_score,
    "beta_vae": beta_vae_score,
    "dci": dci_score,
    "downstream": downstream_score,
    "explicitness": explicitness_score,
    "factor_vae": factor_vae_score,
    "irs": irs_score,
    "mig": mig_score,
    "modularity": modularity_score,
    "mutual_information": mutual_information_score,
    "predictability": predictability_score,
    "sap": sap_score,
    "total_correlation": total_correlation_score,
    "wasserstein_correlation": wasserstein_correlation_score,
}
# Those that need no factors; lower is better for these, and for the Amari distance.
UNSUPERVISED = frozenset({"mutual_information", "predictability", "total_correlation", "wasserstein_correlation"})
LOWER_IS_BETTER = UNSUPERVISED | {"amari"}
