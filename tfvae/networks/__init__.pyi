from . import dense, gan, layers, optimizers, vae
from .dense import dense_decoder, dense_encoder
from .quantizer import Quantizer
from .vae import ARCHITECTURES, decoder, discriminator, encoder

__all__ = [
    "ARCHITECTURES",
    "Quantizer",
    "decoder",
    "dense",
    "dense_decoder",
    "dense_encoder",
    "discriminator",
    "encoder",
    "gan",
    "layers",
    "optimizers",
    "vae",
]
