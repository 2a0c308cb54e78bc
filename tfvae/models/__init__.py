"""The models: a method is a class is a file, and `registry.py` names them."""

from tfvae.models.aae import AAE
from tfvae.models.ada_vae import AdaGVAE, AdaMLVAE
from tfvae.models.adversarial import AdversarialVAE
from tfvae.models.anica import Anica
from tfvae.models.annealed_vae import AnnealedVAE
from tfvae.models.base import Model
from tfvae.models.batch_tc_vae import BatchTCVAE
from tfvae.models.beta_tc_vae import BetaTCVAE
from tfvae.models.beta_vae import BetaVAE
from tfvae.models.build import build_model, completed, create
from tfvae.models.dip_vae import DIPVAE1, DIPVAE2
from tfvae.models.factor_vae import FactorVAE
from tfvae.models.hfs import HFSBetaTCVAE, HFSBetaVAE
from tfvae.models.info_gan import InfoGAN
from tfvae.models.info_wgan_gp import InfoWGANGP
from tfvae.models.information_dropout import InformationDropout
from tfvae.models.joint_factor_vae import JointFactorVAE
from tfvae.models.prior_factor_vae import PriorFactorVAE
from tfvae.models.qlae import QLAE
from tfvae.models.registry import MODELS, register_model
from tfvae.models.rotation import rotate
from tfvae.models.vae import VAE

__all__ = [
    "AAE",
    "DIPVAE1",
    "DIPVAE2",
    "MODELS",
    "QLAE",
    "VAE",
    "AdaGVAE",
    "AdaMLVAE",
    "AdversarialVAE",
    "Anica",
    "AnnealedVAE",
    "BatchTCVAE",
    "BetaTCVAE",
    "BetaVAE",
    "FactorVAE",
    "HFSBetaTCVAE",
    "HFSBetaVAE",
    "InfoGAN",
    "InfoWGANGP",
    "InformationDropout",
    "JointFactorVAE",
    "Model",
    "PriorFactorVAE",
    "build_model",
    "completed",
    "create",
    "register_model",
    "rotate",
]
