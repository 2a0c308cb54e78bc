"""One version of a model, loaded and run through a Session, as in TensorFlow Serving."""

from collections.abc import Mapping
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from tfvae.files.manifest import verify_if_present
from tfvae.serving.errors import ServingError, errors_as_codes
from tfvae.serving.local.signature import check_names, check_tensor
from tfvae.serving.proto_tensors import array_of

_PREDICT = tf.saved_model.PREDICT_METHOD_NAME


class Version:
    """The signatures of a SavedModel as functions of arrays, for calls from any thread.

    Args:
        path: ".../<name>/<version>". Its files are compared with its manifest.json if it has one, and its warm-up
            requests are run, so that a version that fails them is not loaded.

    Raises:
        ServingError: DATA_LOSS if the files are not those of the manifest; other codes if the folder cannot be loaded,
            or a warm-up request fails.
    """

    def __init__(self, path: Path):
        self.number = int(path.name)
        with errors_as_codes():
            try:
                verify_if_present(path)
            except ValueError as error:
                raise ServingError(grpc.StatusCode.DATA_LOSS, str(error)) from error
            self._session = tf.compat.v1.Session(graph=tf.Graph())
            with self._session.graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(self._session, ["serve"], str(path))
            self.signatures = dict(meta_graph.signature_def)
            self.warmed_up = self._warm_up(path / "assets.extra" / "tf_serving_warmup_requests")

    def predict(
        self, name: str, inputs: Mapping[str, np.ndarray], outputs: tuple[str, ...] = ()
    ) -> dict[str, np.ndarray]:
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
        check_names(signature, inputs, outputs)
        feeds = {}
        for key, array in inputs.items():
            info = signature.inputs[key]
            dtype = tf.string if array.dtype == object else tf.dtypes.as_dtype(array.dtype)
            check_tensor(key, info, dtype.as_datatype_enum, array.shape)
            feeds[info.name] = array
        fetches = {key: signature.outputs[key].name for key in outputs or signature.outputs}
        with errors_as_codes():
            return self._session.run(fetches, feeds)

    def arrays(self, name: str, tensors: Mapping[str, TensorProto]) -> dict[str, np.ndarray]:
        """The inputs of a signature as arrays; before one is made, it is checked that it can be the signature's.

        Raises:
            ServingError: as `predict`.
        """
        signature = self.signature(name)
        check_names(signature, tensors, ())
        for key, tensor in tensors.items():
            shape = [-1] if tensor.tensor_shape.unknown_rank else [dim.size for dim in tensor.tensor_shape.dim]
            check_tensor(key, signature.inputs[key], tensor.dtype, shape)
        return {key: array_of(key, tensor) for key, tensor in tensors.items()}

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
