"""The models by name."""

import re
from collections.abc import Callable
from typing import TypeVar

import keras

from tfvae.models.aae import AAE
from tfvae.models.ada_vae import AdaGVAE, AdaMLVAE
from tfvae.models.anica import Anica
from tfvae.models.annealed_vae import AnnealedVAE
from tfvae.models.base import Model
from tfvae.models.batch_tc_vae import BatchTCVAE
from tfvae.models.beta_tc_vae import BetaTCVAE
from tfvae.models.beta_vae import BetaVAE
from tfvae.models.dip_vae import DIPVAE1, DIPVAE2
from tfvae.models.factor_vae import FactorVAE
from tfvae.models.hfs import HFSBetaTCVAE, HFSBetaVAE
from tfvae.models.info_gan import InfoGAN
from tfvae.models.info_wgan_gp import InfoWGANGP
from tfvae.models.information_dropout import InformationDropout
from tfvae.models.joint_factor_vae import JointFactorVAE
from tfvae.models.prior_factor_vae import PriorFactorVAE
from tfvae.models.qlae import QLAE
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
    "hfs_beta_vae": HFSBetaVAE,
    "hfs_beta_tc_vae": HFSBetaTCVAE,
    "ada_gvae": AdaGVAE,
    "ada_ml_vae": AdaMLVAE,
    "prior_factor_vae": PriorFactorVAE,
    "aae": AAE,
    "anica": Anica,
    "qlae": QLAE,
    "joint_factor_vae": JointFactorVAE,
    "info_gan": InfoGAN,
    "info_wgan_gp": InfoWGANGP,
}

_Class = TypeVar("_Class", bound=type[Model])


def register_model(name: str) -> Callable[[_Class], _Class]:
    """A class decorator that adds a model to `MODELS`, so that experiments, studies and commands know it by name.

    >>> import tensorflow as tf
    >>> import tfvae
    >>> @tfvae.register_model("free_bits_vae")
    ... class FreeBitsVAE(tfvae.VAE):
    ...     '''A VAE whose KL costs nothing below a number of nats (Kingma et al., 2016).'''
    ...
    ...     def __init__(self, encoder, decoder, *, free_nats=2.0, **kwargs):
    ...         super().__init__(encoder, decoder, **kwargs)
    ...         self.free_nats = free_nats
    ...
    ...     def loss_terms(self, images, posterior, z):
    ...         terms = super().loss_terms(images, posterior, z)
    ...         excess = tf.maximum(terms["kl"] - self.free_nats, 0.0)
    ...         return {**terms, "loss": terms["reconstruction"] + excess}
    ...
    ...     def get_config(self):
    ...         return {**super().get_config(), "free_nats": self.free_nats}
    >>> tfvae.create("free_bits_vae", (64, 64, 1), latent_dim=4, free_nats=1.0).free_nats
    1.0

    An experiment's parameters are the arguments of the constructor and, if it has `**kwargs`, those of its parents.
    The class is also registered with Keras, unless it already is, so that models can be saved and loaded. A program
    that loads such a file has to import the module of the class first.

    Args:
        name: lower-case letters, digits and underscores.

    Raises:
        ValueError: when the name has other characters, or belongs to another class.
        TypeError: when what is decorated is not a subclass of `tfvae.models.Model`.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(f"Expected a name of lower-case letters, digits and underscores. Received: name={name!r}")

    def register(cls: _Class) -> _Class:
        if not (isinstance(cls, type) and issubclass(cls, Model)):
            raise TypeError(f"Expected a subclass of tfvae.models.Model to register as {name!r}. Received: {cls!r}")
        taken = MODELS.get(name)
        # A module that is reloaded defines its classes again.
        if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"Expected a name that no other model has. Received: name={name!r}, which is {taken}")
        if keras.saving.get_registered_name(cls) == cls.__name__:
            keras.saving.register_keras_serializable("tfvae_registered", name)(cls)
        MODELS[name] = cls
        return cls

    return register
