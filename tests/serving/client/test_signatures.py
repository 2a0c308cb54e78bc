"""Signatures are asked for once, and again when a newer version may have changed them."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from tfvae.serving import Client, ServingError

IMAGES = np.zeros((4, 1, 1, 1), np.float32)


class Server:
    """A server whose version says how wide its codes are; with `lies`, the codes are wider."""

    def __init__(self, reports_version):
        self.version = 1
        self.lies = 0
        self.asked = []
        self.reports_version = reports_version

    def metadata(self, spec, timeout):
        self.asked.append("metadata")
        signature = SignatureDef()
        signature.outputs["mean"].dtype = tf.float32.as_datatype_enum
        for size in (-1, self.version):
            signature.outputs["mean"].tensor_shape.dim.add(size=size)
        return self.version, {"serving_default": signature}

    def predict(self, spec, inputs, timeout, expected):
        self.asked.append("predict")
        codes = np.zeros((len(inputs["images"]), self.version + self.lies), np.float32)
        version = self.version if self.reports_version else None
        try:
            expected.check_tensor("mean", codes.shape)
        except ServingError as error:
            error.version = version
            raise
        return version, {"mean": codes}

    def close(self):
        """Has nothing to close."""


@pytest.fixture(params=[True, False], ids=["gRPC", "REST"])
def client(request, monkeypatch):
    server = Server(reports_version=request.param)
    with Client("localhost:1", "tiny", attempts=3) as client:
        monkeypatch.setattr(client, "_server", server)
        monkeypatch.setattr(client._signatures, "_server", server)
        yield client


def test_a_signature_is_asked_for_once(client):
    for _ in range(2):
        assert client.encode(IMAGES)["mean"].shape == (4, 1)
    assert client._server.asked == ["metadata", "predict", "predict"]


def test_a_newer_version_may_have_other_outputs(client):
    client.encode(IMAGES)
    client._server.version = 2
    assert client.encode(IMAGES)["mean"].shape == (4, 2)
    assert client._server.asked == ["metadata", "predict", "predict", "metadata", "predict"]


def test_a_wrong_answer_is_not_asked_for_again(client):
    client._server.lies = 1
    with pytest.raises(ServingError, match=r"Expected mean of shape \[B, 1\]. Received: shape=\[4, 2\]"):
        client.encode(IMAGES)
    assert client._server.asked == ["metadata", "predict"]


def test_the_outputs_of_a_version_that_was_named_do_not_change(client):
    client.encode(IMAGES, version=1)
    client._server.version = 2
    with pytest.raises(ServingError, match="Expected mean of shape"):
        client.encode(IMAGES, version=1)
    assert client._server.asked == ["metadata", "predict", "predict"]
