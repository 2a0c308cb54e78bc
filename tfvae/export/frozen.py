"""A signature of an export as a plain graph with its weights inside: the source of conversions to other formats."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def frozen(signature: tf.types.experimental.ConcreteFunction) -> tf.types.experimental.PolymorphicFunction:
    """The network in a signature of an export of this library, as a function with constants.

    The row that an export adds to an empty batch is left out: it hides the images' shape from converters, and only
    TensorFlow with oneDNN needs it.

    Args:
        signature: one of `tf.saved_model.load(path).signatures`.

    Returns:
        A tf.function with an input signature, from the signature's inputs, in the order of its graph and with a free
        first dimension, to its outputs by name.

    Raises:
        ValueError: if it does not compute in float32.
    """
    constant = convert_variables_to_constants_v2(signature)
    _check_float32(constant)
    graph = constant.graph.as_graph_def()
    nodes = {node.name: node for node in graph.node}
    for node in graph.node:
        # A layer's own gradient (`networks.layers`) makes TFLite's converter lose the names of inputs and outputs.
        node.attr.pop("_gradient_op_type", None)
        if node.op == "Pad" and not _is_constant(node.input[1], nodes):
            node.op = "Identity"
            del node.input[1:], node.attr["Tpaddings"]
    # A graph lists its outputs in the order of their names.
    outputs = {
        name: _without_slice(tensor.name, nodes)
        for name, tensor in zip(sorted(signature.structured_outputs), constant.outputs, strict=True)
    }
    inputs = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.op.name) for tensor in constant.inputs}

    def network(*values: tf.Tensor) -> dict[str, tf.Tensor]:
        given = dict(zip(inputs, values, strict=True))
        tensors = tf.graph_util.import_graph_def(
            graph, input_map=given, return_elements=list(outputs.values()), name=""
        )
        return dict(zip(outputs, tensors, strict=True))

    return tf.function(network, input_signature=list(inputs.values()), autograph=False)


def _check_float32(constant: tf.types.experimental.ConcreteFunction) -> None:
    tensors = [tensor for operation in constant.graph.get_operations() for tensor in operation.outputs]
    found = {tensor.dtype.name for tensor in tensors if tensor.dtype.is_floating and tensor.dtype != tf.float32}
    if found:
        raise ValueError(
            "Expected a network that computes in float32: other formats lack operations in other types. "
            f"Received: operations in {sorted(found)}"
        )


def _without_slice(tensor: str, nodes: Mapping[str, Any]) -> str:
    """The tensor from which an output removes the added row."""
    node = nodes[_node(tensor)]
    while node.op == "Identity":
        tensor = node.input[0]
        node = nodes[_node(tensor)]
    if node.op == "StridedSlice" and not _is_constant(node.input[2], nodes):
        tensor = node.input[0]
    return tensor if ":" in tensor else f"{tensor}:0"


def _is_constant(tensor: str, nodes: Mapping[str, Any]) -> bool:
    return nodes[_node(tensor)].op == "Const"


def _node(tensor: str) -> str:
    return tensor.partition(":")[0]
