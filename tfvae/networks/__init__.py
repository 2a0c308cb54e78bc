"""The networks of the papers as built Keras models, and the layer and optimizer that make them fast."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
