from .codes import CODE_OUTPUTS, Codes, scaled_images

__all__ = [
    "CODE_OUTPUTS",
    "Codes",
    "scaled_images",
]
