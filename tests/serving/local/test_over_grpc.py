"""What gRPC can send and a good client does not: TensorProtos that lie, and configurations of models elsewhere."""

import shutil

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.test_proto_tensors import proto
from tfvae.serving import Client, ServingError
from tfvae.serving.deployment.configuration import model_server_config
from tfvae.serving.local.server import LocalServer

ONE = np.zeros((1, 2, 3, 1), np.float32)
SHAPE = [1, 2, 3, 1]
UNKNOWN_RANK = proto(tf.float32, [], float_val=[1])
UNKNOWN_RANK.tensor_shape.unknown_rank = True

LIES = {
    "20 million strings, of which none is sent": ("encode_bytes", proto(tf.string, [20_000_000])),
    "60 million strings, of which one is sent": ("encode_bytes", proto(tf.string, [60_000_000], string_val=[b""])),
    "strings in place of images": ("serving_default", proto(tf.string, SHAPE, string_val=[b""] * 6)),
    "one float for all pixels": ("serving_default", proto(tf.float32, SHAPE, float_val=[0])),
    "no float": ("serving_default", proto(tf.float32, SHAPE)),
    "floats for 10^7 images": ("serving_default", proto(tf.float32, [10**7, 2, 3, 1], float_val=[0])),
    "10^18 images": ("serving_default", proto(tf.float32, [10**18, 2, 3, 1], float_val=[0])),
    "7 floats": ("serving_default", proto(tf.float32, SHAPE, float_val=[0] * 7)),
    "half a float": ("serving_default", proto(tf.float32, SHAPE, tensor_content=bytes(22))),
    "a negative dimension": ("serving_default", proto(tf.float32, [-1, 2, 3, 1], float_val=[0] * 6)),
    "an unknown rank": ("serving_default", UNKNOWN_RANK),
    "300 dimensions": ("serving_default", proto(tf.float32, [1] * 300, float_val=[0])),
    "a uint8 of 300": ("encode_uint8", proto(tf.uint8, SHAPE, int_val=[0, 0, 0, 0, 0, 300])),
    "a uint8 of -1": ("encode_uint8", proto(tf.uint8, SHAPE, int_val=[-1, 0, 0, 0, 0, 0])),
    "another dtype": ("encode_uint8", proto(tf.int32, SHAPE, int_val=[0] * 6)),
    "no dtype": ("serving_default", TensorProto()),
    "DT_RESOURCE": ("serving_default", TensorProto(dtype=types_pb2.DT_RESOURCE)),
    "DT_VARIANT": ("serving_default", TensorProto(dtype=types_pb2.DT_VARIANT)),
    "DT_FLOAT_REF": ("serving_default", TensorProto(dtype=types_pb2.DT_FLOAT_REF)),
    "dtype 9999": ("serving_default", TensorProto.FromString(b"\x08\x8f\x4e")),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_tensor_that_lies_is_an_invalid_argument(server, lie):
    signature, tensor = LIES[lie]
    request = predict_pb2.PredictRequest(model_spec={"name": "tiny", "signature_name": signature})
    request.inputs["image_bytes" if signature == "encode_bytes" else "images"].CopyFrom(tensor)
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(request, timeout=300)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details().startswith("Expected ")


def reload(server, config):
    request = model_management_pb2.ReloadConfigRequest(config=config)
    with grpc.insecure_channel(server.grpc_address) as channel:
        model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=300)


@pytest.mark.parametrize("how", ["off", "elsewhere", "parent", "link", "NUL", "mixed"])
def test_a_configuration_can_name_no_model_outside_of_the_folder(put, tmp_path, how):
    folder, elsewhere = tmp_path / "served", tmp_path / "elsewhere"
    (folder / "tiny").mkdir(parents=True)
    put(0, folder / "tiny" / "1")
    shutil.copytree(folder, elsewhere)
    (folder / "link").symlink_to(elsewhere / "tiny")
    config = model_server_config(folder)
    paths = {
        "elsewhere": elsewhere / "tiny",
        "parent": folder / ".." / "elsewhere" / "tiny",
        "link": folder / "link",
        "NUL": "\0",
    }
    model = config.model_config_list.config[0]
    model.base_path = str(paths.get(how, folder / "tiny"))
    if how == "mixed":
        config.model_config_list.config.add(name="other", base_path=str(elsewhere / "tiny"))
    with LocalServer(folder, reload_config=how != "off") as server, Client(server.grpc_address, "tiny") as client:
        with pytest.raises(grpc.RpcError) as caught:
            reload(server, config)
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert server.models.names() == ["link", "tiny"]
        assert client.encode(ONE)["mean"][0, 0] == 0


def test_an_allowed_configuration_replaces_that_of_the_folder(put, tmp_path):
    (tmp_path / "tiny").mkdir()
    put(0, tmp_path / "tiny" / "1")
    config = model_server_config(tmp_path)
    config.model_config_list.config[0].name = "renamed"
    with LocalServer(tmp_path, reload_config=True) as server, Client(server.grpc_address, "tiny") as client:
        reload(server, config)
        assert client.status("renamed")[1] == "AVAILABLE"
        with pytest.raises(ServingError, match="NOT_FOUND"):
            client.status()
