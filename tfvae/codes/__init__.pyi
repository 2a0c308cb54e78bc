from .capabilities import Capabilities, capabilities_of
from .codes import Codes
from .outputs import CODE_OUTPUTS

__all__ = [
    "CODE_OUTPUTS",
    "Capabilities",
    "Codes",
    "capabilities_of",
]
