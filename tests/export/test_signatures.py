"""The signatures of exports, as TensorFlow Serving's loader runs them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests import tiny
from tfvae.data.pictures import read_picture
from tfvae.export import export_decoder, export_encoder

X = tiny.images(5)
PICTURE = np.random.default_rng(0).integers(0, 256, (37, 51, 4), dtype=np.uint8)


class Served:
    def __init__(self, path):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            self.signatures = tf.compat.v1.saved_model.load(self.session, ["serve"], str(path)).signature_def

    def __call__(self, name, **inputs):
        signature = self.signatures[name]
        fetches = {key: tensor.name for key, tensor in signature.outputs.items()}
        return self.session.run(fetches, {signature.inputs[key].name: value for key, value in inputs.items()})


@pytest.fixture(scope="module")
def model():
    return tiny.make("joint_factor_vae")


@pytest.fixture(scope="module")
def encoder(model, tmp_path_factory):
    return Served(export_encoder(model, tmp_path_factory.mktemp("encoder") / "1"))


@pytest.fixture(scope="module")
def decoder(model, tmp_path_factory):
    return Served(export_decoder(model, tmp_path_factory.mktemp("decoder") / "1"))


def file(form, pixels=PICTURE):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def test_encoded_pictures_are_read_as_the_folder_data_set_reads_them(model, encoder, tmp_path):
    for form, pixels in (("PNG", PICTURE), ("JPEG", PICTURE[..., :3])):
        (tmp_path / form).write_bytes(file(form, pixels))
        image = Image.fromarray(read_picture(tmp_path / form, 4)).convert("L")
        expected = model(np.asarray(image, np.float32)[np.newaxis, ..., np.newaxis] / 255)
        found = encoder("encode_bytes", image_bytes=np.array([file(form, pixels)], object))
        for key, value in expected.items():
            # A level of a pixel.
            np.testing.assert_allclose(found[key], value, atol=0.015, err_msg=f"{form} {key}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "PNG or JPEG"),
        (b"hello", "PNG or JPEG"),
        (b"\xcf\xeb\x0f", "PNG or JPEG"),
        (file("GIF"), "PNG or JPEG"),
        (file("PNG")[:60], "Invalid PNG"),
        (file("PNG")[:16] + (30000).to_bytes(4, "big") * 2 + file("PNG")[24:], "Expected a picture of 1 to 16777216"),
    ],
    ids=["empty", "text", "no UTF-8", "GIF", "truncated", "bomb"],
)
def test_other_bytes_are_refused(encoder, content, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        encoder("encode_bytes", image_bytes=np.array([content], object))


def test_a_draw_depends_on_its_own_row(encoder):
    seeds = np.arange(10).reshape(5, 2)
    whole = encoder("sample", images=X, seeds=seeds)
    for row in range(5):
        alone = encoder("sample", images=X[row : row + 1], seeds=seeds[row : row + 1])
        for key, value in whole.items():
            np.testing.assert_allclose(alone[key][0], value[row], atol=1e-6)
    assert np.abs(encoder("sample", images=X, seeds=seeds + 1)["z"] - whole["z"]).min() > 0
    np.testing.assert_array_equal(whole["category"].sum(axis=1), 1)


def test_a_posterior_of_one_width_is_drawn_from_too(tmp_path):
    gan = Served(export_encoder(tiny.make("info_gan", code_stddev=0.5), tmp_path / "1"))
    seeds = np.arange(10).reshape(5, 2)
    mean, found = gan("serving_default", images=X)["mean"], gan("sample", images=X, seeds=seeds)
    eps = np.stack([tf.random.stateless_normal(mean.shape[1:], seed, alg="philox") for seed in seeds])
    np.testing.assert_allclose(found["z"], mean + 0.5 * eps, atol=1e-5)
    np.testing.assert_array_equal(found["category"].sum(axis=1), 1)


def test_values_out_of_range_are_refused_and_no_rows_give_none(encoder):
    def with_one(value, position):
        images = X.copy()
        images.flat[position] = value
        return images

    single = [with_one(value, position) for value in (np.nan, np.inf, -0.01, 1.01) for position in (0, 37, -1)]
    for wrong in (X * np.nan, X * 255, X - 2, *single):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Expected images in"):
            encoder("serving_default", images=wrong)
    assert encoder("serving_default", images=X[:0])["mean"].shape == (0, 2)
    assert encoder("encode_bytes", image_bytes=np.array([], object))["mean"].shape == (0, 2)


def test_a_decoder_decodes_and_traverses(model, decoder):
    z, category = np.random.default_rng(1).normal(size=(2, 2)).astype(np.float32), np.eye(2, 3, dtype=np.float32)
    found = decoder("serving_default", z=z, category=category)["images"]
    np.testing.assert_allclose(found, model.decode(np.hstack([z, category])), atol=1e-6)
    values = np.array([[-1, 2], [0, 1]], np.float32)
    frames = decoder("traverse", z=z, category=category, latent=[1, 0], values=values)["images"]
    for row, latent in enumerate([1, 0]):
        for place in range(2):
            code = np.hstack([z[row], category[row]])
            code[latent] = values[row, place]
            np.testing.assert_allclose(frames[row, place], model.decode(code[np.newaxis])[0], atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected latents in"):
        decoder("traverse", z=z, category=category, latent=[1, 2], values=values)


def test_categories_are_drawn_by_their_probabilities_and_apart_from_the_codes(encoder):
    rows = 4_000
    images = np.repeat(X[:1], rows, axis=0)
    seeds = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, (rows, 2))
    drawn, posterior = encoder("sample", images=images, seeds=seeds), encoder("serving_default", images=X[:1])
    frequencies, probabilities = drawn["category"].mean(axis=0), posterior["probabilities"][0]
    np.testing.assert_allclose(frequencies, probabilities, atol=4 * 0.5 / np.sqrt(rows))
    eps = (drawn["z"] - posterior["mean"]) * np.exp(-posterior["log_variance"] / 2)
    # The size of a normal number too: it is made of one uniform number, the sign of another.
    for numbers in (eps, np.abs(eps)):
        correlations = np.corrcoef(np.hstack([numbers, drawn["category"]]).T)[: eps.shape[1], eps.shape[1] :]
        assert np.abs(correlations).max() < 4 / np.sqrt(rows)
