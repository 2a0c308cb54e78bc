import numpy as np
import tensorflow as tf

from tfvae.data.packed import PackedImages, pack

IMAGES = 255 * np.random.default_rng(0).integers(0, 2, (12, 8, 4, 2), np.uint8)


def test_images_survive_packing(tmp_path):
    np.save(tmp_path / "bits.npy", pack(IMAGES))
    images = PackedImages(tmp_path / "bits.npy", (8, 4, 2))
    assert images.shape == (12, 8, 4, 2)
    assert pack(IMAGES).shape == (12, 8)
    places = np.array([11, 0, 3, 0])
    np.testing.assert_array_equal(images[places], IMAGES[places])


def test_tensorflow_reads_the_same_images(tmp_path):
    np.save(tmp_path / "bits.npy", pack(IMAGES))
    read = PackedImages(tmp_path / "bits.npy", (8, 4, 2)).in_graph()
    np.testing.assert_array_equal(tf.function(read)(tf.constant([11, 0, 3], tf.int64)), IMAGES[[11, 0, 3]])
