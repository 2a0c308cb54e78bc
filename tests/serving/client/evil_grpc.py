"""A gRPC server whose models lie, each in the way of its name."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse

OVER = Event()  # ends what waits
HANGS = Event()  # a request of `fails_or_hangs` waits


def codes(images):
    """What an honest server answers: the first pixel of each image, and a constant."""
    return {"mean": np.stack([images[:, 0, 0, 0], images[:, 0, 0, 0] + 1], 1), "log_variance": images[:, 0, 0]}


def answer(request, outputs, **spec):
    response = PredictResponse()
    response.model_spec.CopyFrom(request.model_spec)
    response.model_spec.version.value = 1
    for name, value in spec.items():
        if name == "version":
            response.model_spec.version.value = value
        else:
            setattr(response.model_spec, name, value)
    for name, value in outputs.items():
        tensor = value if isinstance(value, TensorProto) else tf.make_tensor_proto(value)
        response.outputs[name].CopyFrom(tensor)
    return response


def proto(dtype, shape, **values):
    tensor = TensorProto(dtype=dtype, **values)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def mean(value):
    """A lie about the mean alone: a function of the honest mean."""
    return lambda request, honest, context: answer(request, honest | {"mean": value(honest["mean"])})


def outputs(change):
    return lambda request, honest, context: answer(request, change(honest))


def whole(content):
    return lambda request, honest, context: content


def aborted(code, message):
    return lambda request, honest, context: context.abort(code, message)


def unknown_rank(honest):
    tensor = tf.make_tensor_proto(honest)
    tensor.tensor_shape.unknown_rank = True
    return tensor


def field(tag, content):
    """A field of a message, as its bytes."""
    size = len(content)
    varint = b"".join(bytes([size >> shift & 127 | 128]) for shift in (0, 7)) + bytes([size >> 14])
    return bytes([tag]) + varint + content


def deep_message():
    """A tensor in a variant in a tensor in a variant ..."""
    tensor = b""
    for _ in range(300):
        tensor = field(0x7A, field(0x1A, tensor))
    return field(0x0A, field(0x0A, b"mean") + field(0x12, tensor))


def slow(request, honest, context):
    OVER.wait(60)
    return answer(request, honest)


def tardy(request, honest, context):
    OVER.wait(0.4)
    return answer(request, honest)


def fails_or_hangs(request, honest, context):
    if honest["mean"][0, 0] > 0:
        HANGS.wait(60)
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
    HANGS.set()
    return slow(request, honest, context)


def shifted(request, honest, context):
    """One row too few, then one too many: all parts together have the right number."""
    first = request.inputs["images"].tensor_shape.dim[0].size > 1 and honest["mean"][0, 0] == 0
    change = (lambda x: x[:-1]) if first else (lambda x: np.concatenate([x, x[-1:]]))
    return answer(request, {name: change(value) for name, value in honest.items()})


def widening(request, honest, context):
    width = 1 + int(honest["mean"][0, 0] > 0)
    return answer(request, honest | {"mean": honest["mean"][:, :width]})


FLOAT = 1
ROWS = 2  # images in a request of the test
# By name: the lie, and the code of the error.
LIES = {
    "fewer": (outputs(lambda x: {name: value[:-1] for name, value in x.items()}), "INTERNAL"),
    "fewer_of_one": (mean(lambda x: x[:-1]), "INTERNAL"),
    "more": (outputs(lambda x: {name: np.repeat(value, 2, 0) for name, value in x.items()}), "INTERNAL"),
    "no_rows": (mean(lambda x: x[:0]), "INTERNAL"),
    "shifted": (shifted, "INTERNAL"),
    "none": (outputs(lambda x: {}), "INTERNAL"),
    "missing_name": (outputs(lambda x: {"mean": x["mean"]}), "INTERNAL"),
    "extra_name": (outputs(lambda x: x | {"z": x["mean"]}), "INTERNAL"),
    "other_names": (outputs(lambda x: {"images": x["mean"], "log_variance": x["log_variance"]}), "INTERNAL"),
    "wider": (mean(lambda x: np.repeat(x, 2, 1)), "INTERNAL"),
    "narrower": (mean(lambda x: x[:, :1]), "INTERNAL"),
    "flat": (mean(lambda x: x.ravel()), "INTERNAL"),
    "deeper": (mean(lambda x: x[:, :, None]), "INTERNAL"),
    "scalar": (mean(lambda x: np.float32(1)), "INTERNAL"),
    "float64": (mean(lambda x: x.astype(np.float64)), "INTERNAL"),
    "integers": (mean(lambda x: x.astype(np.int32)), "INTERNAL"),
    "strings": (mean(lambda x: np.full(x.shape, b"1.0", object)), "INTERNAL"),
    "bad_dtype": (mean(lambda x: proto(999, x.shape)), "INTERNAL"),
    "resource": (mean(lambda x: proto(20, x.shape)), "INTERNAL"),
    "variant": (mean(lambda x: proto(21, x.shape)), "INTERNAL"),
    "deep": (whole(deep_message()), "INTERNAL"),
    "negative": (mean(lambda x: proto(FLOAT, (-2, 2), float_val=x.ravel())), "INTERNAL"),
    "unknown_rank": (mean(unknown_rank), "INTERNAL"),
    "lying_shape": (mean(lambda x: proto(FLOAT, x.shape, float_val=[1.0])), "INTERNAL"),
    "no_values": (mean(lambda x: proto(FLOAT, x.shape)), "INTERNAL"),
    "huge_rows": (mean(lambda x: proto(FLOAT, (200_000_000, 2), float_val=[1.0])), "INTERNAL"),
    "open_huge_width": (mean(lambda x: proto(FLOAT, (len(x), 200_000_000), float_val=[1.0])), "INTERNAL"),
    "open_huge_strings": (mean(lambda x: proto(7, (len(x), 50_000_000), string_val=[b""])), "INTERNAL"),
    "open_overflow": (mean(lambda x: proto(FLOAT, (len(x), 2**62, 2**62), float_val=[1.0])), "INTERNAL"),
    "open_many_dimensions": (mean(lambda x: proto(FLOAT, (len(x), *[1] * 999), float_val=[1.0] * len(x))), "INTERNAL"),
    "open_widening": (widening, "INTERNAL"),
    "short_content": (mean(lambda x: proto(FLOAT, x.shape, tensor_content=x.tobytes()[:-1])), "INTERNAL"),
    "long_content": (mean(lambda x: proto(FLOAT, x.shape, tensor_content=x.tobytes() * 2)), "INTERNAL"),
    "other_field": (mean(lambda x: proto(FLOAT, x.shape, int_val=[1] * x.size)), "INTERNAL"),
    "nan": (mean(lambda x: np.where(x == x.max(), np.float32(np.nan), x)), "INTERNAL"),
    "infinity": (mean(lambda x: np.where(x == x.max(), np.float32(np.inf), x)), "INTERNAL"),
    "other_model": (lambda request, honest, _: answer(request, honest, name="decoder"), "INTERNAL"),
    "other_version": (lambda request, honest, _: answer(request, honest, version=2), "INTERNAL"),
    "other_signature": (lambda request, honest, _: answer(request, honest, signature_name="sample"), "INTERNAL"),
    "garbage": (whole(b"\xff" * 100), "INTERNAL"),
    "nothing": (whole(b""), "INTERNAL"),
    "cut": (lambda request, honest, _: answer(request, honest).SerializeToString()[:-3], "INTERNAL"),
    "too_large": (whole(bytes(2 * 2**20)), "RESOURCE_EXHAUSTED"),
    "many_names": (whole(b"\x0a\x05\x0a\x01a\x12\x00" * 2**20), "RESOURCE_EXHAUSTED"),
    "slow": (slow, "DEADLINE_EXCEEDED"),
    "busy": (aborted(grpc.StatusCode.UNAVAILABLE, "busy"), "UNAVAILABLE"),
    "refused": (aborted(grpc.StatusCode.PERMISSION_DENIED, "x" * 3_000), "PERMISSION_DENIED"),
    "failing": (lambda *_: 1 / 0, "UNKNOWN"),
    "blind_fewer": (mean(lambda x: x[:-1]), "INTERNAL"),
    "blind_none": (outputs(lambda x: {}), "INTERNAL"),
    "blind_huge_width": (mean(lambda x: proto(FLOAT, (len(x), 200_000_000), float_val=[1.0])), "INTERNAL"),
    "blind_widening": (widening, "INTERNAL"),
    "metadata_garbage": (None, "INTERNAL"),
    "metadata_none": (None, "INTERNAL"),
    "metadata_other_type": (None, "INTERNAL"),
    "metadata_bad_dtype": (None, "INTERNAL"),
    "metadata_no_signature": (None, "FAILED_PRECONDITION"),
    "metadata_too_large": (None, "RESOURCE_EXHAUSTED"),
}
HONEST = outputs(lambda x: x)
OTHERS = {"tardy": tardy, "fails_or_hangs": fails_or_hangs}


def metadata(name):
    response = GetModelMetadataResponse()
    response.model_spec.name = name
    response.model_spec.version.value = 1
    signatures = SignatureDefMap()
    if name != "metadata_no_signature":
        found = signatures.signature_def["serving_default"].outputs
        for key, width in (("mean", -1 if name.startswith("open") else 2), ("log_variance", 1)):
            found[key].dtype = 999 if name == "metadata_bad_dtype" else 7 if name == "open_huge_strings" else FLOAT
            for size in (-1, width) if name not in ("open_overflow", "open_many_dimensions") else ():
                found[key].tensor_shape.dim.add(size=size)
            if not found[key].tensor_shape.dim:
                found[key].tensor_shape.unknown_rank = True
    match name:
        case "metadata_garbage":
            return b"\xff" * 100
        case "metadata_none":
            return response
        case "metadata_other_type":
            response.metadata["signature_def"].Pack(response.model_spec)
        case "metadata_too_large":
            return bytes(5 * 2**20)
        case _:
            response.metadata["signature_def"].Pack(signatures)
    return response


class Handler(grpc.GenericRpcHandler):
    """Answers with bytes, so that they need not be those of a message."""

    def __init__(self):
        self.asked = Counter()

    def service(self, details):
        method = details.method.rpartition("/")[2]
        return grpc.unary_unary_rpc_method_handler(getattr(self, method))

    def Predict(self, content, context):  # noqa: N802
        request = PredictRequest.FromString(content)
        self.asked[request.model_spec.name] += 1
        lie, _ = LIES.get(request.model_spec.name, (OTHERS.get(request.model_spec.name, HONEST), None))
        return self._bytes(lie(request, codes(tf.make_ndarray(request.inputs["images"])), context))

    def GetModelMetadata(self, content, context):  # noqa: N802
        name = GetModelMetadataRequest.FromString(content).model_spec.name
        if name.startswith("blind"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no metadata")
        return self._bytes(metadata(name))

    def GetModelStatus(self, content, context):  # noqa: N802
        if GetModelStatusRequest.FromString(content).model_spec.name == "garbage":
            return b"\xff" * 100
        response = GetModelStatusResponse()
        response.model_version_status.add(version=1, state=999)
        return self._bytes(response)

    @staticmethod
    def _bytes(response):
        return response if isinstance(response, bytes) else response.SerializeToString()


@contextmanager
def served(**options):
    """A server; yields its address and its handler."""
    handler = Handler()
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_send_message_length", -1)], **options)
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", handler
    finally:
        server.stop(0).wait()
