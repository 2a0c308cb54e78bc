from .amari import amari_score
from .beta_vae import beta_vae_score
from .dci import dci_score
from .downstream import downstream_score
from .explicitness import explicitness_score
from .factor_vae import factor_vae_score
from .gaussian_total_correlation import gaussian_total_correlation_score
from .infoc import infoc_score
from .infoe import infoe_score
from .infom import infom_score
from .irs import irs_score
from .mig import mig_score
from .modularity import modularity_score
from .mutual_information import mutual_information_score
from .predictability import predictability_score
from .reduced_downstream import reduced_downstream_score
from .registry import METRICS, QUICK, Metric, in_all, register_metric
from .sap import sap_score
from .scoring import ceiling, score, score_codes, skip_reason
from .udr import udr
from .unfairness import unfairness_score
from .wasserstein_correlation import wasserstein_correlation_score

__all__ = [
    "METRICS",
    "QUICK",
    "Metric",
    "amari_score",
    "beta_vae_score",
    "ceiling",
    "dci_score",
    "downstream_score",
    "explicitness_score",
    "factor_vae_score",
    "gaussian_total_correlation_score",
    "in_all",
    "infoc_score",
    "infoe_score",
    "infom_score",
    "irs_score",
    "mig_score",
    "modularity_score",
    "mutual_information_score",
    "predictability_score",
    "reduced_downstream_score",
    "register_metric",
    "sap_score",
    "score",
    "score_codes",
    "skip_reason",
    "udr",
    "unfairness_score",
    "wasserstein_correlation_score",
]
