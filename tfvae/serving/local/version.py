"""One version of a model, loaded and run through a Session, as in TensorFlow Serving."""

from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from tfvae.serving.errors import ServingError, errors_as_codes, invalid

_PREDICT = tf.saved_model.PREDICT_METHOD_NAME


class Version:
    """The signatures of a SavedModel as functions of arrays, for calls from any thread.

    Args:
        path: ".../<name>/<version>". Its warm-up requests are run, so that a version that fails them is not loaded.

    Raises:
        ServingError: if the folder cannot be loaded, or a warm-up request fails.
    """

    def __init__(self, path: Path):
        self.number = int(path.name)
        with errors_as_codes():
            self._session = tf.compat.v1.Session(graph=tf.Graph())
            with self._session.graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(self._session, ["serve"], str(path))
            self.signatures = dict(meta_graph.signature_def)
            self.warmed_up = self._warm_up(path / "assets.extra" / "tf_serving_warmup_requests")

    def predict(self, name: str, inputs: dict[str, np.ndarray], outputs: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            name: of the signature; "" is "serving_default".
            inputs: arrays by the signature's names, of its dtypes and shapes.
            outputs: names of the outputs to return, by default all.

        Raises:
            ServingError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for other inputs or outputs,
                and the errors of the graph's operations.
        """
        signature = self.signature(name)
        _check_names(signature, inputs, outputs)
        feeds = {}
        for key, array in inputs.items():
            info = signature.inputs[key]
            _check_array(key, info, array)
            feeds[info.name] = array
        fetches = {key: signature.outputs[key].name for key in outputs or signature.outputs}
        with errors_as_codes():
            return self._session.run(fetches, feeds)

    def signature(self, name: str) -> SignatureDef:
        """The SignatureDef of a name; "" is "serving_default"."""
        name = name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        signature = self.signatures.get(name)
        if signature is None or signature.method_name != _PREDICT:
            raise ServingError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return signature

    def _warm_up(self, path: Path) -> int:
        if not path.exists():
            return 0
        count = 0
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            request = PredictionLog.FromString(record).predict_log.request
            self.predict(
                request.model_spec.signature_name, {key: tf.make_ndarray(t) for key, t in request.inputs.items()}
            )
            count += 1
        return count


def _check_names(signature: SignatureDef, inputs: dict[str, np.ndarray], outputs: tuple[str, ...]) -> None:
    extra, missing = sorted(set(inputs) - set(signature.inputs)), sorted(set(signature.inputs) - set(inputs))
    if extra or missing:
        raise invalid(
            f"input size does not match signature: {len(inputs)}!={len(signature.inputs)} "
            f"len({{{','.join(sorted(inputs))}}}) != len({{{','.join(sorted(signature.inputs))}}}). "
            f"Sent extra: {{{','.join(extra)}}}. Missing but required: {{{','.join(missing)}}}."
        )
    for key in outputs:
        if key not in signature.outputs:
            known = ",".join(sorted(signature.outputs))
            raise invalid(
                f"output tensor alias not found in signature: {key} Outputs expected to be in the set {{{known}}}."
            )


def _check_array(key: str, info: TensorInfo, array: np.ndarray) -> None:
    dtype, shape = tf.dtypes.as_dtype(info.dtype), tf.TensorShape(info.tensor_shape)
    received = tf.string if array.dtype == object else tf.dtypes.as_dtype(array.dtype)
    if received != dtype:
        raise invalid(f"Expected {key} of dtype {dtype.name}. Received: dtype={received.name}")
    if not shape.is_compatible_with(array.shape):
        expected = ", ".join("B" if size is None else str(size) for size in shape)
        raise invalid(f"Expected {key} of shape [{expected}]. Received: shape={list(array.shape)}")
