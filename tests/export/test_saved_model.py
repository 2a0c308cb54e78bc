import hashlib
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.processes import Command
from tfvae.export import export_decoder, export_encoder, load_saved_model, versions
from tfvae.models import VAE
from tfvae.models.base import Model
from tfvae.networks import vae as networks

SHAPE, DIM = (16, 16, 1), 3
PIXELS = np.random.default_rng(0).integers(0, 256, (7, *SHAPE), dtype=np.uint8)
IMAGES = (PIXELS / 255).astype(np.float32)
REQUESTS = {"serving_default": IMAGES, "encode_uint8": PIXELS}


def make(dtype=None, seed=0):
    kwargs = {"units": 8, "seed": seed, "dtype": dtype}
    return VAE(networks.encoder(SHAPE, DIM, **kwargs), networks.decoder(SHAPE, DIM, **kwargs))


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return export_encoder(model, tmp_path_factory.mktemp("saved_models") / "tiny" / "1")


def outputs_of_session(path, name, images):
    """What TensorFlow Serving's loader gives."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        signature = tf.compat.v1.saved_model.load(session, ["serve"], str(path)).signature_def[name]
        fetches = {key: tensor.name for key, tensor in signature.outputs.items()}
        return session.run(fetches, {signature.inputs["images"].name: images})


def outputs_of_load(path, name, images):
    return tf.saved_model.load(str(path)).signatures[name](images=tf.constant(images))


def assert_same(outputs, expected, atol=1e-5):
    assert set(outputs) == {"mean", "log_variance"}
    for key, value in outputs.items():
        np.testing.assert_allclose(value, expected[key], atol=atol, rtol=0, err_msg=key)


def digests(path):
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("outputs_of", [outputs_of_load, outputs_of_session])
@pytest.mark.parametrize("name", REQUESTS)
def test_every_signature_equals_the_model_for_any_batch_size(model, exported, name, outputs_of):
    expected = {key: value.numpy() for key, value in model(IMAGES).items()}
    for size in (1, 7):
        outputs = outputs_of(exported, name, REQUESTS[name][:size])
        assert_same(outputs, {key: value[:size] for key, value in expected.items()})


def test_a_model_made_under_a_strategy_is_exported(tmp_path, mirrored):
    with mirrored.scope():
        model = make()
    assert isinstance(model.encoder.variables[0].value, tf.distribute.DistributedValues)
    rng = np.random.default_rng(1)
    for variable in model.encoder.variables:
        variable.assign(rng.normal(scale=0.1, size=variable.shape))
    path = export_encoder(model, tmp_path / "1")
    assert_same(outputs_of_session(path, "serving_default", IMAGES), model(IMAGES))
    assert_same(outputs_of_load(path, "encode_uint8", PIXELS), model(IMAGES))


def test_a_model_trained_in_mixed_precision_is_exported(tmp_path):
    model = make(dtype="mixed_bfloat16")
    model.compile(keras.optimizers.Adam(1e-2))
    before = model(IMAGES)["mean"].numpy()
    model.fit(tf.data.Dataset.from_tensors(IMAGES), verbose=0, shuffle=False)
    assert np.abs(model(IMAGES)["mean"] - before).max() > 0.02

    path = export_encoder(model, tmp_path / "1")
    # bfloat16 has 8 bits of mantissa, and a graph fuses operations that an eager call rounds one by one.
    assert_same(outputs_of_session(path, "serving_default", IMAGES), model(IMAGES), atol=2e-3)
    assert_same(outputs_of_load(path, "encode_uint8", PIXELS), model(IMAGES), atol=2e-3)


def test_an_export_needs_only_tensorflow(model, exported, tmp_path):
    script = """
import sys
for name in ("keras", "tfvae", "tensorflow_probability", "tf_keras"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf
path, pixels, out = sys.argv[1:]
pixels = np.load(pixels)
images = (pixels / 255).astype(np.float32)
found = {}
signatures = tf.saved_model.load(path).signatures
for name, batch in (("serving_default", images), ("encode_uint8", pixels)):
    for key, value in signatures[name](images=tf.constant(batch)).items():
        found["load", name, key] = value.numpy()
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], path)
    for name, batch in (("serving_default", images), ("encode_uint8", pixels)):
        signature = meta_graph.signature_def[name]
        for key, tensor in signature.outputs.items():
            found["session", name, key] = session.run(tensor.name, {signature.inputs["images"].name: batch})
np.savez(out, **{" ".join(key): value for key, value in found.items()})
"""
    np.save(tmp_path / "pixels.npy", PIXELS)
    arguments = [str(exported), str(tmp_path / "pixels.npy"), str(tmp_path / "out.npz")]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, cwd=tmp_path)
    found = np.load(tmp_path / "out.npz")
    assert len(found) == 8
    expected = model(IMAGES)
    for key, value in found.items():
        np.testing.assert_allclose(value, expected[key.split()[-1]], atol=1e-5, err_msg=key)


def test_variables_are_stored_once(model, exported):
    stored = sum(file.stat().st_size for file in (exported / "variables").iterdir())
    # The remainder is the index and the graph of objects.
    assert 0 <= stored - 4 * model.encoder.count_params() < 4096


def test_two_processes_write_the_same_bytes(tmp_path):
    script = """
import sys
from tfvae import VAE
from tfvae.networks import vae as networks
from tfvae.export import export_encoder
make = networks.encoder, networks.decoder
export_encoder(VAE(*(network((16, 16, 1), 3, units=8) for network in make)), sys.argv[1])
"""
    paths = [tmp_path / "one" / "1", tmp_path / "two" / "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    # Each has hashes of its own.
    fresh = subprocess.Popen([sys.executable, "-c", script, str(paths[0])], env=environment)
    forked = Command("-c", script, paths[1])
    forked.communicate()
    assert (fresh.wait(), forked.returncode) == (0, 0)
    one, two = (digests(path) for path in paths)
    assert one == two
    assert {"saved_model.pb", "fingerprint.pb", "manifest.json"} <= set(one)


def test_the_fingerprint_tells_encoders_apart(model, exported, tmp_path):
    def singleprint(path):
        return tf.saved_model.experimental.read_fingerprint(str(path)).singleprint()

    assert singleprint(export_encoder(model, tmp_path / "1")) == singleprint(exported)
    assert singleprint(export_encoder(make(seed=1), tmp_path / "2")) != singleprint(exported)


def test_the_graph_has_no_xla_and_no_path_of_this_machine(tmp_path):
    model = make()
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=True)
    content = (export_encoder(model, tmp_path / "1") / "saved_model.pb").read_bytes()
    assert b"_XlaMustCompile" not in content
    assert str(Path(networks.__file__).parents[1]).encode() not in content
    assert str(tmp_path).encode() not in content


def test_a_version_is_never_overwritten(model, exported):
    before = digests(exported)
    (exported.parent / "4").mkdir()
    with pytest.raises(FileExistsError, match=r"Received: path='.*/tiny/1'.* The next one is 5"):
        export_encoder(model, exported)
    (exported.parent / "4").rmdir()
    assert digests(exported) == before
    assert os.listdir(exported.parent) == ["1"]


@pytest.mark.parametrize("version", ["latest", "01", "0", "-1", "1.5", "²"])
def test_a_version_is_a_positive_integer(model, tmp_path, version):
    with pytest.raises(ValueError, match=f"a positive integer. Received: path='.*/{version}'"):
        export_encoder(model, tmp_path / version)
    assert not os.listdir(tmp_path)


def test_a_failed_write_leaves_nothing(model, tmp_path, monkeypatch):
    def fail(module, path, signatures):
        Path(path).mkdir()
        (Path(path) / "saved_model.pb").write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        export_encoder(model, tmp_path / "1")
    assert not os.listdir(tmp_path)


def test_a_failed_trace_leaves_nothing(tmp_path):
    class Refuses(keras.layers.Layer):
        ready = True

        def call(self, inputs):
            if not self.ready:
                raise NotImplementedError("this layer cannot be traced")
            return inputs

    model, layer = make(), Refuses()
    model.encoder = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), layer, keras.layers.Dense(2 * DIM)])
    layer.ready = False
    with pytest.raises(NotImplementedError, match="cannot be traced"):
        export_encoder(model, tmp_path / "tiny" / "1")
    assert not os.listdir(tmp_path)


def test_only_models_of_tfvae_are_exported(tmp_path):
    for other in (3, keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(2 * DIM)])):
        for export in (export_encoder, export_decoder):
            with pytest.raises(TypeError, match=f"Expected a model of tfvae. Received: model={type(other).__name__}"):
                export(other, tmp_path / "1")
    model = make()
    model.encoder = keras.Sequential([keras.Input(SHAPE), keras.layers.Dense(5)])
    with pytest.raises(TypeError, match=r"VAE with \(None, 16, 16, 1\) -> \(None, 16, 16, 5\)"):
        export_encoder(model, tmp_path / "1")
    assert not os.listdir(tmp_path)


def test_a_model_without_a_decoder_exports_its_encoder_alone(tmp_path):
    class EncoderOnly(Model):
        representation = VAE.representation

    model = EncoderOnly({"encoder": make().encoder})
    with pytest.raises(TypeError, match=r"Expected a model with a decoder\. Received: EncoderOnly, which has none"):
        export_decoder(model, tmp_path / "1")
    assert not os.listdir(tmp_path)
    assert_same(load_saved_model(export_encoder(model, tmp_path / "1"))(IMAGES), model(IMAGES))


def test_reading_an_export_needs_neither_the_models_nor_tensorflow_probability():
    script = """
import sys
assert "tfvae.models" not in sys.modules
sys.modules["tfvae.models"] = sys.modules["tensorflow_probability"] = None  # an import of it fails
from tfvae import zoo
encoder, decoder = zoo.load_encoder("vae-dsprites"), zoo.load_decoder("vae-dsprites")
"""
    process = Command("-c", script)
    _, err = process.communicate()
    assert process.returncode == 0, err


def test_a_loaded_encoder_equals_the_model(model, exported):
    encoder = load_saved_model(exported)
    assert (encoder.image_shape, encoder.latent_dim) == (SHAPE, DIM)
    assert_same(encoder(IMAGES), model(IMAGES))
    assert_same(encoder(IMAGES.astype(np.float64)), model(IMAGES))
    (mapped,) = tf.data.Dataset.from_tensors(IMAGES).map(encoder)
    assert_same(mapped, model(IMAGES))
    assert encoder(IMAGES[:0])["mean"].shape == (0, DIM)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (IMAGES[0], ValueError, r"\[B, 16, 16, 1\]. Received: images.shape=\[16, 16, 1\]"),
        (IMAGES[..., 0], ValueError, r"Received: images.shape=\[7, 16, 16\]"),
        (np.zeros((2, 64, 64, 1), np.float32), ValueError, r"Received: images.shape=\[2, 64, 64, 1\]"),
        (PIXELS, TypeError, "Received: images.dtype=uint8. Divide pixels in 0..255 by 255"),
        (IMAGES * 255, ValueError, "Received: values from 0 to 255"),
        (IMAGES - 1, ValueError, "Received: values from -1 to 0"),
        (np.full_like(IMAGES, np.nan), ValueError, "Received: values from"),
    ],
)
def test_a_loaded_encoder_refuses_other_images(exported, images, error, message):
    with pytest.raises(error, match=message):
        load_saved_model(exported)(images)


def test_a_folder_without_an_encoder_is_refused(exported, tmp_path):
    with pytest.raises(ValueError, match=r"It holds the versions \[1\]: add one to the path"):
        load_saved_model(exported.parent)
    with pytest.raises(ValueError, match=r"with saved_model.pb\). Received: path='.*missing'"):
        load_saved_model(tmp_path / "missing")
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(ValueError, match="Expected a signature serving_default"):
        load_saved_model(tmp_path / "other")


def test_versions_are_numbers_in_order(tmp_path):
    for name in ("10", "9", "latest", ".11.123.tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "12").touch()
    assert versions(tmp_path) == [9, 10]
    assert versions(tmp_path / "missing") == []
