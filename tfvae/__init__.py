"""Disentangled representation learning on TensorFlow 2 and Keras 3."""

from importlib.metadata import version

from tfvae import data, metrics, networks, zoo
from tfvae.evaluation import evaluate
from tfvae.experiment import Experiment
from tfvae.export import export_decoder, export_encoder, load_saved_model
from tfvae.models import (
    AAE,
    DIPVAE1,
    DIPVAE2,
    MODELS,
    VAE,
    Anica,
    AnnealedVAE,
    BatchTCVAE,
    BetaTCVAE,
    BetaVAE,
    FactorVAE,
    InfoGAN,
    InformationDropout,
    InfoWGANGP,
    JointFactorVAE,
    PriorFactorVAE,
)
from tfvae.training import train

__version__ = version("tfvae")

__all__ = [
    "AAE",
    "DIPVAE1",
    "DIPVAE2",
    "MODELS",
    "VAE",
    "Anica",
    "AnnealedVAE",
    "BatchTCVAE",
    "BetaTCVAE",
    "BetaVAE",
    "Experiment",
    "FactorVAE",
    "InfoGAN",
    "InfoWGANGP",
    "InformationDropout",
    "JointFactorVAE",
    "PriorFactorVAE",
    "data",
    "evaluate",
    "export_decoder",
    "export_encoder",
    "load_saved_model",
    "metrics",
    "networks",
    "train",
    "zoo",
]
