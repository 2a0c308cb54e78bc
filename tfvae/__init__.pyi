from . import data, metrics, networks, zoo
from .data import register_data
from .evaluation import evaluate
from .experiment import Experiment
from .export import export_decoder, export_encoder, load_saved_model
from .loading import from_preset
from .metrics import register_metric
from .models import (
    AAE,
    DIPVAE1,
    DIPVAE2,
    MODELS,
    QLAE,
    VAE,
    AdaGVAE,
    AdaMLVAE,
    Anica,
    AnnealedVAE,
    BatchTCVAE,
    BetaTCVAE,
    BetaVAE,
    FactorVAE,
    HFSBetaTCVAE,
    HFSBetaVAE,
    InfoGAN,
    InformationDropout,
    InfoWGANGP,
    JointFactorVAE,
    PriorFactorVAE,
    create,
    register_model,
    rotate,
)
from .training.looks import looks
from .training.schedules import ScheduleWeights, cyclical_annealing, linear_annealing
from .training.train import train

__version__: str
__all__ = [
    "AAE",
    "DIPVAE1",
    "DIPVAE2",
    "MODELS",
    "QLAE",
    "VAE",
    "AdaGVAE",
    "AdaMLVAE",
    "Anica",
    "AnnealedVAE",
    "BatchTCVAE",
    "BetaTCVAE",
    "BetaVAE",
    "Experiment",
    "FactorVAE",
    "HFSBetaTCVAE",
    "HFSBetaVAE",
    "InfoGAN",
    "InfoWGANGP",
    "InformationDropout",
    "JointFactorVAE",
    "PriorFactorVAE",
    "ScheduleWeights",
    "create",
    "cyclical_annealing",
    "data",
    "evaluate",
    "export_decoder",
    "export_encoder",
    "from_preset",
    "linear_annealing",
    "load_saved_model",
    "looks",
    "metrics",
    "networks",
    "register_data",
    "register_metric",
    "register_model",
    "rotate",
    "train",
    "zoo",
]
