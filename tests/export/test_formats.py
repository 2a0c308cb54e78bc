from importlib.util import find_spec

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae import zoo
from tfvae.export import (
    export_decoder,
    export_encoder,
    export_onnx,
    export_tflite,
    formats,
    onnx_runner,
    runners,
    tflite_runner,
)

IMAGES = tiny.images(5)
FORMATS = {"tflite": (export_tflite, tflite_runner), "onnx": (export_onnx, onnx_runner)}
ROWS = {"tflite": (5, 1, 3), "onnx": (5, 1, 0)}
with_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("tf2onnx", "onnx", "onnxruntime")), reason="needs the extra onnx"
)
each_format = pytest.mark.parametrize("name", ["tflite", pytest.param("onnx", marks=with_onnx)])


@pytest.fixture(scope="module")
def models():
    # Dense layers with a Gaussian and a category; convolutions with batch norm, and a decoder with noise.
    return {name: tiny.make(name) for name in ("joint_factor_vae", "info_gan")}


@pytest.fixture(scope="module")
def exported(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    exports = {"encoder": export_encoder, "decoder": export_decoder}
    return {
        (name, what): export(model, folder / f"{name}-{what}" / "1")
        for name, model in models.items()
        for what, export in exports.items()
    }


def codes(model, rows=5):
    z = np.random.default_rng(0).normal(size=(rows, model.latent_dim)).astype(np.float32)
    return {"z": z, "category": np.eye(model.categories, dtype=np.float32)[np.arange(rows) % model.categories]}


@each_format
@pytest.mark.parametrize("model_name", ["joint_factor_vae", "info_gan"])
def test_an_encoder_gives_what_the_model_gives_for_any_number_of_rows(models, exported, name, model_name, tmp_path):
    export, runner = FORMATS[name]
    path = tmp_path / f"encoder.{name}"
    differences = export(exported[model_name, "encoder"], path, {"images": IMAGES})
    expected = {key: value.numpy() for key, value in models[model_name](IMAGES).items()}
    assert "probabilities" in expected
    assert set(differences) == set(expected)
    assert max(differences.values()) < 1e-5
    run = runner(path, threads=1)
    for rows in ROWS[name]:
        found = run({"images": IMAGES[:rows]})
        assert set(found) == set(expected)
        for key, value in found.items():
            np.testing.assert_allclose(value, expected[key][:rows], atol=1e-5, err_msg=key)


@each_format
@pytest.mark.parametrize("model_name", ["joint_factor_vae", "info_gan"])
def test_a_decoder_gives_what_the_model_gives_for_any_number_of_rows(models, exported, name, model_name, tmp_path):
    export, runner = FORMATS[name]
    path, model = tmp_path / f"decoder.{name}", models[model_name]
    inputs = codes(model)
    export(exported[model_name, "decoder"], path, inputs)
    expected = model.decode(np.concatenate([inputs["z"], inputs["category"]], axis=-1)).numpy()
    assert np.ptp(expected, axis=0).max() > 1e-3  # other codes give other images
    run = runner(path)
    for rows in ROWS[name]:
        found = run({key: value[:rows] for key, value in inputs.items()})
        np.testing.assert_allclose(found["images"], expected[:rows], atol=1e-5)


@each_format
def test_a_decoder_of_the_zoo_is_converted(name, tmp_path):
    # Its last layer has a custom gradient.
    export, runner = FORMATS[name]
    decoder = zoo.load_decoder("vae-dsprites")
    inputs = {"z": np.random.default_rng(0).normal(size=(2, decoder.latent_dim)).astype(np.float32)}
    assert max(export(decoder.path, tmp_path / f"decoder.{name}", inputs).values()) < 1e-5
    found = runner(tmp_path / f"decoder.{name}")(inputs)["images"]
    np.testing.assert_allclose(found, decoder(inputs["z"]), atol=1e-5)


@with_onnx
def test_an_onnx_file_declares_a_free_batch(exported, tmp_path):
    import onnx

    export_onnx(exported["joint_factor_vae", "encoder"], tmp_path / "encoder.onnx", {"images": IMAGES})
    graph = onnx.load(tmp_path / "encoder.onnx").graph
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {
        "images": ["batch", *tiny.SHAPE],
        "mean": ["batch", 2],
        "log_variance": ["batch", 2],
        "probabilities": ["batch", 3],
    }


@each_format
def test_a_file_that_would_differ_is_not_written(exported, name, tmp_path, monkeypatch):
    frozen = formats.frozen

    def shifted(signature):
        network = frozen(signature)

        def shift(images):
            outputs = network(images)
            return outputs | {"mean": outputs["mean"] + 2e-4}

        return tf.function(shift, input_signature=network.input_signature, autograph=False)

    monkeypatch.setattr(formats, "frozen", shifted)
    export, _ = FORMATS[name]
    with pytest.raises(ValueError, match=r"within 0.0001. Received: differences of .*'mean': 0.000(19|2)"):
        export(exported["joint_factor_vae", "encoder"], tmp_path / f"encoder.{name}", {"images": IMAGES})
    assert not list(tmp_path.iterdir())


@each_format
def test_a_file_that_exists_is_not_overwritten(exported, name, tmp_path):
    path = tmp_path / f"encoder.{name}"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="exists and is not overwritten"):
        FORMATS[name][0](exported["joint_factor_vae", "encoder"], path, {"images": IMAGES})
    assert path.read_text() == "mine"


def test_wrong_arguments_are_named_before_anything_is_written(exported, tmp_path):
    saved_model = exported["joint_factor_vae", "encoder"]
    with pytest.raises(ValueError, match=r"ends in \.tflite\. Received: path='.*encoder\.onnx'"):
        export_tflite(saved_model, tmp_path / "encoder.onnx", {"images": IMAGES})
    with pytest.raises(ValueError, match=r"by name: \['images'\]\. Received: \['z'\]"):
        export_tflite(saved_model, tmp_path / "encoder.tflite", {"z": IMAGES})
    with pytest.raises(ValueError, match="Expected the folder of a SavedModel"):
        export_tflite(tmp_path, tmp_path / "encoder.tflite", {"images": IMAGES})
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(ValueError, match=r"Expected a signature serving_default\. Received: \[\] in .*other"):
        export_tflite(tmp_path / "other", tmp_path / "encoder.tflite", {"images": IMAGES})
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_network_in_another_precision_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tfvae.export.saved_model.in_float32", lambda model: model)  # as one that cannot be copied
    saved_model = export_encoder(tiny.make("vae", dtype="mixed_bfloat16"), tmp_path / "1")
    with pytest.raises(ValueError, match=r"computes in float32.*Received: operations in \['bfloat16'\]"):
        export_tflite(saved_model, tmp_path / "encoder.tflite", {"images": IMAGES})
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_missing_extra_is_named(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(runners, "find_spec", lambda name: None if name == "tf2onnx" else find_spec(name))
    with pytest.raises(ImportError, match=r'no module tf2onnx\. pip install "tfvae\[onnx\]"'):
        export_onnx(exported["joint_factor_vae", "encoder"], tmp_path / "encoder.onnx", {"images": IMAGES})
    assert not list(tmp_path.iterdir())
