"""The number of floating point operations of a network."""

import math

import keras


def forward_flops(network: keras.Model) -> int:
    """The operations of a network's products for one row: 2 for each multiplication and its addition.

    Biases, activations and the like are not counted: in the networks of the paper they are less than one percent.

    Args:
        network: a built Keras network whose layers with kernels are Dense, Conv2D and Conv2DTranspose.

    Raises:
        ValueError: when another layer has a kernel.
    """
    return sum(_layer(layer) for layer in network.layers)


def _layer(layer: keras.Layer) -> int:
    match layer:
        case keras.layers.Dense():
            return 2 * math.prod(layer.kernel.shape)
        case keras.layers.Conv2DTranspose():
            # Each pixel of the input is multiplied by the whole kernel.
            return 2 * math.prod(layer.kernel.shape) * math.prod(layer.input.shape[1:3])
        case keras.layers.Conv2D():
            return 2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
    if hasattr(layer, "kernel"):
        raise ValueError(f"Expected Dense, Conv2D and Conv2DTranspose. Received: {type(layer).__name__} {layer.name}")
    return 0
