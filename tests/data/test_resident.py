import numpy as np
import pytest

from tfvae.data import batches
from tfvae.data.image_data import ImageData
from tfvae.data.packed import PackedImages
from tfvae.data.resident import ResidentImages


def packed(tmp_path):
    bits = np.random.default_rng(0).integers(0, 256, (30, 6), dtype=np.uint8)
    np.save(tmp_path / "bits.npy", bits)
    return ImageData("packed", PackedImages(tmp_path / "bits.npy", (4, 6, 2)))


def bytewise(tmp_path):
    return ImageData("bytes", np.random.default_rng(0).integers(0, 256, (30, 4, 6, 3), dtype=np.uint8))


@pytest.mark.parametrize("make", [packed, bytewise])
def test_batches_are_those_of_the_host_bit_for_bit(tmp_path, make):
    data = make(tmp_path)
    resident = ResidentImages(data)
    assert resident.values.shape == ((30, 6) if make is packed else (30, 4, 6, 3))
    arguments = {"seed": 3, "start": 2, "steps": 5}
    places = batches(data, 8, **arguments, as_indices=True)
    for indices, images in zip(places, batches(data, 8, **arguments), strict=True):
        np.testing.assert_array_equal(resident(indices), images)


def test_images_that_are_no_bytes_are_refused():
    class Floats:
        def __len__(self):
            return 3

        def images(self, indices):
            return np.zeros((len(indices), 4, 4, 1), np.float32)

    with pytest.raises(TypeError, match=r"dtype uint8.*Received: dtype=float32"):
        ResidentImages(Floats())
