from . import dense, gan, layers, optimizers, style, vae
from .dense import dense_decoder, dense_encoder
from .quantizer import Quantizer
from .style import style_decoder
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
    "style",
    "style_decoder",
    "vae",
]
