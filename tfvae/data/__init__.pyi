from .arrays import as_image_data
from .batches import batches
from .factor_table import FactorTable
from .factors import FactorSpace
from .ground_truth import GroundTruthData
from .images import ImageData
from .labelled import labelled
from .pairs import paired
from .sources import DATASETS, SOURCES, load, register_data

__all__ = [
    "DATASETS",
    "SOURCES",
    "FactorSpace",
    "FactorTable",
    "GroundTruthData",
    "ImageData",
    "as_image_data",
    "batches",
    "labelled",
    "load",
    "paired",
    "register_data",
]
