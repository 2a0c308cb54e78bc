"""Lets Keras find the classes of tfvae in its files after `import tfvae`, which imports neither of them."""

import importlib
from typing import Any

import wrapt

# The module of each class by the name under which it is registered with Keras.
CLASSES = {
    "AAE": "models.aae",
    "AdaGVAE": "models.ada_vae",
    "AdaMLVAE": "models.ada_vae",
    "Adam": "networks.optimizers",
    "Anica": "models.anica",
    "AnnealedVAE": "models.annealed_vae",
    "BatchTCVAE": "models.batch_tc_vae",
    "BetaTCVAE": "models.beta_tc_vae",
    "BetaVAE": "models.beta_vae",
    "Constant": "networks.style",
    "Conv2DTranspose": "networks.layers",
    "DIPVAE1": "models.dip_vae",
    "DIPVAE2": "models.dip_vae",
    "FactorVAE": "models.factor_vae",
    "HFSBetaTCVAE": "models.hfs",
    "HFSBetaVAE": "models.hfs",
    "InfoGAN": "models.info_gan",
    "InfoWGANGP": "models.info_wgan_gp",
    "InformationDropout": "models.information_dropout",
    "JointFactorVAE": "models.joint_factor_vae",
    "PriorFactorVAE": "models.prior_factor_vae",
    "QLAE": "models.qlae",
    "Quantizer": "networks.quantizer",
    "ScaleAndShift": "networks.style",
    "Turn": "networks.turning",
    "TurnBack": "networks.turning",
    "VAE": "models.vae",
}


class _Deferred:
    """Stands for a class that is imported when a file has it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def from_config(self, config: dict[str, Any]) -> Any:
        module = importlib.import_module(f"tfvae.{CLASSES[self._name]}")
        return vars(module)[self._name].from_config(config)


def register_when_keras_is_imported() -> None:
    """Registers all names with Keras as soon as it is imported, or now if it is already."""
    wrapt.register_post_import_hook(_register, "keras")


def _register(keras: Any) -> None:
    for name in CLASSES:
        keras.saving.get_custom_objects().setdefault(f"tfvae>{name}", _Deferred(name))
