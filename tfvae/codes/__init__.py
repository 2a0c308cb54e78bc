"""Codes of a data set and their cache, which metrics, analyses, plots and reports share."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
