"""The models by name. Adding one: a file here and a line below."""

from tfvae.models.aae import AAE
from tfvae.models.anica import Anica
from tfvae.models.annealed_vae import AnnealedVAE
from tfvae.models.base import Model
from tfvae.models.batch_tc_vae import BatchTCVAE
from tfvae.models.beta_tc_vae import BetaTCVAE
from tfvae.models.beta_vae import BetaVAE
from tfvae.models.dip_vae import DIPVAE1, DIPVAE2
from tfvae.models.factor_vae import FactorVAE
from tfvae.models.info_gan import InfoGAN
from tfvae.models.info_wgan_gp import InfoWGANGP
from tfvae.models.information_dropout import InformationDropout
from tfvae.models.joint_factor_vae import JointFactorVAE
from tfvae.models.prior_factor_vae import PriorFactorVAE
from tfvae.models.vae import VAE

MODELS: dict[str, type[Model]] = {
    "vae": VAE,
    "beta_vae": BetaVAE,
    "factor_vae": FactorVAE,
    "dip_vae_i": DIPVAE1,
    "dip_vae_ii": DIPVAE2,
    "beta_tc_vae": BetaTCVAE,
    "batch_tc_vae": BatchTCVAE,
    "annealed_vae": AnnealedVAE,
    "information_dropout": InformationDropout,
    "prior_factor_vae": PriorFactorVAE,
    "aae": AAE,
    "anica": Anica,
    "joint_factor_vae": JointFactorVAE,
    "info_gan": InfoGAN,
    "info_wgan_gp": InfoWGANGP,
}
