"""Disentangled representation learning on TensorFlow 2 and Keras 3."""

from importlib.metadata import version

from tfvae import data, networks, zoo
from tfvae.evaluation import evaluate
from tfvae.experiment import Experiment
from tfvae.export import export_encoder, load_saved_model
from tfvae.models import AAE, MODELS, VAE, Anica, BetaVAE, FactorVAE, JointFactorVAE, PriorFactorVAE
from tfvae.training import train

__version__ = version("tfvae")

__all__ = [
    "AAE",
    "MODELS",
    "VAE",
    "Anica",
    "BetaVAE",
    "Experiment",
    "FactorVAE",
    "JointFactorVAE",
    "PriorFactorVAE",
    "data",
    "evaluate",
    "export_encoder",
    "load_saved_model",
    "networks",
    "train",
    "zoo",
]
