"""Disentangled representation learning on TensorFlow 2 and Keras 3.

Names are loaded when they are used (PEP 562): `import tfvae` imports no TensorFlow.
"""

from importlib.metadata import version

import lazy_loader

from tfvae.files.keras_names import register_when_keras_is_imported

register_when_keras_is_imported()
__version__ = version("tfvae")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
