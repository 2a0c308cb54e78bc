from .capabilities import Capabilities, capabilities_of
from .codes import CODE_OUTPUTS, Codes, scaled_images

__all__ = [
    "CODE_OUTPUTS",
    "Capabilities",
    "Codes",
    "capabilities_of",
    "scaled_images",
]
