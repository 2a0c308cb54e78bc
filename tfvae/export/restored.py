"""The weights of an export, given back to a Keras model."""

import os
from typing import TYPE_CHECKING

import tensorflow as tf

from tfvae.export.provenance import read_provenance

if TYPE_CHECKING:
    from tfvae.models.base import Model


def restore(model: "Model", folder: str | os.PathLike) -> None:
    """Gives a model the weights of its exported encoder or decoder.

    Args:
        model: of the experiment that the export's provenance names.
        folder: of the SavedModel.

    Raises:
        ValueError: if the weights are not those of this model's network.
    """
    encodes = read_provenance(folder)["network"] == "encoder"
    network = "encoder" if encodes else str(model.decoding_network)
    variables = [*getattr(model, network).variables, *([] if encodes else model.own_variables)]
    values = tf.saved_model.load(str(folder)).values
    shapes = [[tuple(each.shape) for each in some] for some in (variables, values)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"Expected weights of shapes {shapes[0]}, those of the {network}. Received: {shapes[1]}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
