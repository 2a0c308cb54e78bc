"""Encoders over the network: a client of TensorFlow Serving, a local server of its protocol, and configuration.

Needs the extra `serving`: pip install "tfvae[serving]".
"""

from importlib.util import find_spec

for _name in ("grpc", "tensorflow_serving", "aiohttp"):
    if find_spec(_name) is None:
        raise ImportError(f'Expected the extra "serving". Received: no module {_name}. pip install "tfvae[serving]"')

from tfvae.serving.client.client import Client  # noqa: E402
from tfvae.serving.errors import ServingError  # noqa: E402

__all__ = ["Client", "ServingError"]
