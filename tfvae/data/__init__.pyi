from .batches import batches
from .factor_table import FactorTable
from .factors import FactorSpace
from .ground_truth import GroundTruthData
from .images import ImageData
from .sources import DATASETS, SOURCES, load

__all__ = [
    "DATASETS",
    "SOURCES",
    "FactorSpace",
    "FactorTable",
    "GroundTruthData",
    "ImageData",
    "batches",
    "load",
]
