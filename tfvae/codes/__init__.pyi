from .capabilities import Capabilities, capabilities_of
from .codes import Codes
from .latents import ActiveRule, latent_information, latent_kl, latent_moments
from .outputs import CODE_OUTPUTS

__all__ = [
    "CODE_OUTPUTS",
    "ActiveRule",
    "Capabilities",
    "Codes",
    "capabilities_of",
    "latent_information",
    "latent_kl",
    "latent_moments",
]
