import numpy as np
import pytest

from tests import tiny
from tfvae import zoo
from tfvae.data import ImageData
from tfvae.export import export_decoder, export_encoder, tflite_runner
from tfvae.export.conversion import convert


def random_images(shape, n=40):
    return ImageData("images", np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8))


DATA = random_images(tiny.SHAPE)
INPUTS = {"images": tiny.images(3)}
CODES = {"z": np.random.default_rng(0).normal(size=(3, tiny.DIM)).astype(np.float32)}


@pytest.fixture(scope="module")
def model():
    return tiny.make("factor_vae")


def test_a_model_and_its_saved_models_are_converted(model, tmp_path):
    encoder = export_encoder(model, tmp_path / "saved" / "1")
    decoder = export_decoder(model, tmp_path / "saved-decoder" / "1")
    mean, images = model(INPUTS["images"])["mean"], model.decode(CODES["z"])
    for number, source in enumerate((model, encoder)):
        path = tmp_path / f"{number}.tflite"
        assert set(convert(source, path, format="tflite", data=DATA)) == {"mean", "log_variance"}
        np.testing.assert_allclose(tflite_runner(path)(INPUTS)["mean"], mean, atol=1e-5)
    for number, source in enumerate((model, decoder)):
        path = tmp_path / f"decoder{number}.tflite"
        convert(source, path, format="tflite", what="decoder")
        np.testing.assert_allclose(tflite_runner(path)(CODES)["images"], images, atol=1e-5)


def test_exports_of_the_zoo_are_converted(tmp_path):
    data = random_images((64, 64, 1), 5)
    images = data.scaled(np.arange(5))
    encoder, decoder = zoo.load_encoder("factor_vae-dsprites"), zoo.load_decoder("factor_vae-dsprites")
    convert(encoder.path, tmp_path / "encoder.tflite", format="tflite", data=data)
    expected = encoder(images)
    for name, found in tflite_runner(tmp_path / "encoder.tflite")({"images": images}).items():
        np.testing.assert_allclose(found, expected[name], atol=1e-4)
    convert(decoder.path, tmp_path / "decoder.tflite", format="tflite", what="decoder")
    z = np.random.default_rng(0).normal(size=(3, 10)).astype(np.float32)
    found = tflite_runner(tmp_path / "decoder.tflite")({"z": z})["images"]
    np.testing.assert_allclose(found, decoder(z), atol=1e-4)


def test_wrong_arguments_are_named_before_anything_is_written(model, tmp_path):
    encoder = export_encoder(model, tmp_path / "saved" / "1")
    (tmp_path / "mine.tflite").write_text("mine")
    new = tmp_path / "new.tflite"
    with pytest.raises(ValueError, match="Received: format='pt'"):
        convert(encoder, new, format="pt")
    with pytest.raises(ValueError, match="Received: what='discriminator'"):
        convert(encoder, new, format="tflite", what="discriminator")
    with pytest.raises(ValueError, match="Expected data to compare the encoder on"):
        convert(encoder, new, format="tflite")
    with pytest.raises(ValueError, match="Expected a signature serving_default from 'z'"):
        convert(encoder, new, format="tflite", what="decoder")
    with pytest.raises(ValueError, match="Expected the folder of a SavedModel"):
        convert(tmp_path / "absent", new, format="tflite", data=DATA)
    with pytest.raises(FileExistsError, match="not overwritten"):
        convert(encoder, tmp_path / "mine.tflite", format="tflite", data=DATA)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.tflite", "saved"]
