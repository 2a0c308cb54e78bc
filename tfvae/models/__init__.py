"""The models by name. Adding one: a file here and a line below."""

from tfvae.models.aae import AAE
from tfvae.models.anica import Anica
from tfvae.models.base import Model
from tfvae.models.beta_vae import BetaVAE
from tfvae.models.factor_vae import FactorVAE
from tfvae.models.info_gan import InfoGAN
from tfvae.models.info_wgan_gp import InfoWGANGP
from tfvae.models.joint_factor_vae import JointFactorVAE
from tfvae.models.prior_factor_vae import PriorFactorVAE
from tfvae.models.vae import VAE

MODELS: dict[str, type[Model]] = {
    "vae": VAE,
    "beta_vae": BetaVAE,
    "factor_vae": FactorVAE,
    "prior_factor_vae": PriorFactorVAE,
    "aae": AAE,
    "anica": Anica,
    "joint_factor_vae": JointFactorVAE,
    "info_gan": InfoGAN,
    "info_wgan_gp": InfoWGANGP,
}
