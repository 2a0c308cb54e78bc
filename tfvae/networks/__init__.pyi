from . import gan, layers, optimizers, vae
from .vae import ARCHITECTURES, decoder, discriminator, encoder

__all__ = [
    "ARCHITECTURES",
    "decoder",
    "discriminator",
    "encoder",
    "gan",
    "layers",
    "optimizers",
    "vae",
]
