import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.data import batches
from tfvae.data.dependence import held_out
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.data.packed import PackedImages
from tfvae.training.resident import on_device, trained_by_index

ARGUMENTS = {"seed": 3, "start": 2, "steps": 5}


def packed(tmp_path):
    bits = np.random.default_rng(0).integers(0, 256, (30, 6), dtype=np.uint8)
    np.save(tmp_path / "bits.npy", bits)
    factors = FactorSpace(("row", "column"), (np.arange(5), np.arange(6)))
    return GroundTruthData("packed", factors, PackedImages(tmp_path / "bits.npy", (4, 6, 2)), digest="0")


def view(tmp_path):
    return held_out(packed(tmp_path), {"row": [1, 2], "column": [0, 3]})


def bytewise(tmp_path):
    return ImageData("bytes", np.random.default_rng(0).integers(0, 256, (30, 4, 6, 3), dtype=np.uint8))


@pytest.mark.parametrize("make", [packed, view, bytewise])
def test_batches_are_those_of_the_host_bit_for_bit(tmp_path, make, monkeypatch):
    data = make(tmp_path)
    expected = list(batches(data, 8, **ARGUMENTS))
    indices = list(batches(data, 8, **ARGUMENTS, as_indices=True))
    if make is not bytewise:  # read from the bits, without the images
        monkeypatch.setattr(PackedImages, "__getitem__", None)
    read = tf.function(on_device(data))
    for batch, images in zip(indices, expected, strict=True):
        np.testing.assert_array_equal(read(batch), images)


def test_images_that_are_not_bytes_are_refused():
    class Floats(ImageData):
        def images(self, indices):
            return super().images(indices) / np.float32(255)

    with pytest.raises(TypeError, match=r"dtype uint8.*Received: dtype=float32"):
        on_device(Floats("floats", np.zeros((3, 4, 4, 1), np.uint8)))


def test_a_model_trains_by_index_only_within_the_block():
    data = ImageData("bytes", np.random.default_rng(0).integers(0, 256, (16, *tiny.SHAPE), dtype=np.uint8))
    images = data.images(np.arange(16)) / np.float32(255)
    by_index, plain = (tiny.make("vae", compiled={"run_eagerly": True}) for _ in range(2))
    with trained_by_index(by_index, on_device(data)):
        by_index.fit(np.arange(16), batch_size=8, shuffle=False, verbose=0)
    plain.fit(images, batch_size=8, shuffle=False, verbose=0)
    np.testing.assert_array_equal(tiny.weights(by_index), tiny.weights(plain))
    for model in (by_index, plain):
        model.fit(images, batch_size=8, shuffle=False, verbose=0)
    np.testing.assert_array_equal(tiny.weights(by_index), tiny.weights(plain))
