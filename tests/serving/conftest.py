"""A local server over two versions of an encoder whose answers can be computed by hand: mean = sum of the image."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tensorflow_serving")

from tests.serving.model_server import configure, tensorflow_serving
from tfvae.serving.local.server import LocalServer

SHAPE = (2, 3, 1)
LIMIT = 4 * 2**20
SAVED_MODELS = Path(__file__).parents[2] / "saved_models"
# An entry of the zoo for each kind of export: of grey images, of colours and whole numbers, of categories and noise.
KINDS = ("factor_vae-dsprites", "qlae-shapes3d", "info_wgan_gp-mnist")


def write_version(path, offset):
    """A SavedModel with the signatures of an exported encoder: mean = (sum + offset, number of the version)."""
    module = tf.Module()
    module.offset = tf.Variable([float(offset), 0.0])

    def encode(images):
        in_range = tf.reduce_all((images >= 0) & (images <= 1))
        with tf.control_dependencies([tf.debugging.Assert(in_range, ["Expected images in [0, 1]."])]):
            total = tf.reduce_sum(images, [1, 2, 3])
        return {"mean": tf.stack([total, tf.zeros_like(total)], 1) + module.offset, "log_variance": total[:, None]}

    def decoded(content):
        pixels = tf.io.decode_image(content, channels=1, expand_animations=False)
        return tf.ensure_shape(pixels, SHAPE)

    def function(shape, dtype, name, body):
        return tf.function(body, input_signature=[tf.TensorSpec(shape, dtype, name)], autograph=False)

    images = (None, *SHAPE)
    signatures = {
        "serving_default": function(images, tf.float32, "images", encode),
        "encode_uint8": function(images, tf.uint8, "images", lambda images: encode(tf.cast(images, tf.float32) / 255)),
        "encode_bytes": function(
            [None],
            tf.string,
            "image_bytes",
            lambda image_bytes: encode(tf.cast(tf.map_fn(decoded, image_bytes, tf.uint8), tf.float32) / 255),
        ),
    }
    beside = path.with_name(f"{path.name}.tmp")
    concrete = {name: made.get_concrete_function() for name, made in signatures.items()}
    tf.saved_model.save(module, str(beside), signatures=concrete)
    beside.rename(path)
    return path


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    return {offset: write_version(folder / str(offset), offset) for offset in (0, 100)}


@pytest.fixture
def put(versions):
    """Copies a version into place as an export does: to a temporary name, then renamed."""

    def copy(offset, path):
        beside = path.with_name(f"{path.name}.tmp")
        shutil.copytree(versions[offset], beside)
        beside.rename(path)

    return copy


@pytest.fixture(scope="session")
def server(versions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    for number, offset in ((1, 0), (2, 100)):
        shutil.copytree(versions[offset], folder / "tiny" / str(number))
    with LocalServer(folder, limit=2**20, poll_seconds=30) as server:
        yield server


@pytest.fixture
def images():
    return np.random.default_rng(0).random((10, *SHAPE)).astype(np.float32)


@pytest.fixture(params=["gRPC", "REST"])
def address(request, server):
    return server.grpc_address if request.param == "gRPC" else server.rest_address


@pytest.fixture(scope="session", params=["LocalServer", "TensorFlow Serving"])
def serve(request, tmp_path_factory):
    """Serves a folder of models: the addresses `grpc` and `rest`, and `follow()` to call after the folder changed."""
    if request.param == "LocalServer":

        @contextmanager
        def served(saved_models):
            with LocalServer(saved_models, limit=LIMIT, poll_seconds=0.1) as server:
                yield SimpleNamespace(
                    grpc=server.grpc_address, rest=server.rest_address, local=True, follow=lambda: None
                )
    else:
        binary = os.environ.get("TF_MODEL_SERVER")
        if not binary:
            pytest.skip("$TF_MODEL_SERVER does not name a binary of TensorFlow Serving (tensorflow_model_server)")

        @contextmanager
        def served(saved_models):
            folder = tmp_path_factory.mktemp("configuration")
            with tensorflow_serving(binary, saved_models, folder) as (grpc, rest):
                yield SimpleNamespace(grpc=grpc, rest=rest, local=False, follow=lambda: configure(saved_models, folder))

    return served


@pytest.fixture(scope="session", params=["one of each kind", pytest.param("all", marks=pytest.mark.slow)])
def exports(request, tmp_path_factory):
    """A folder with exports of the zoo, encoders and decoders."""
    folder = tmp_path_factory.mktemp("exports")
    for path in SAVED_MODELS.iterdir():
        if path.is_dir() and (request.param == "all" or path.name.removesuffix("-decoder") in KINDS):
            (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="session")
def zoo_server(serve, exports):
    with serve(exports) as server:
        yield server
