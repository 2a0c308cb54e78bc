import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import batches
from tfvae.data.dependence import held_out
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.data.packed import PackedImages
from tfvae.training.resident import resident

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
    places = list(batches(data, 8, **ARGUMENTS, as_indices=True))
    if make is not bytewise:  # from the bits, without the images
        monkeypatch.setattr(PackedImages, "__getitem__", None)
    read = tf.function(resident(data))
    for indices, images in zip(places, expected, strict=True):
        np.testing.assert_array_equal(read(indices), images)


def test_images_that_are_no_bytes_are_refused():
    class Floats:
        def __len__(self):
            return 3

        def images(self, indices):
            return np.zeros((len(indices), 4, 4, 1), np.float32)

    with pytest.raises(TypeError, match=r"dtype uint8.*Received: dtype=float32"):
        resident(Floats())
