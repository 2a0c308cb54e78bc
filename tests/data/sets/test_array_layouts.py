import h5py
import numpy as np
import pytest

import tfvae.data
from tfvae.data.factors import FactorSpace
from tfvae.data.sets import arrays, dsprites, shapes3d

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 16, 16, 3), np.uint8)
LABELS = np.array([3, 0, 3, 9, 0, 1])


def every(data):
    return data.images(np.arange(len(data)))


def part_of_dsprites(tmp_path, *keys):
    """Every seventh image of a small dSprites, with its factors under these names."""
    small = FactorSpace(dsprites.FACTORS.names, tuple(values[:3] for values in dsprites.FACTORS.values))
    places = np.arange(0, len(small), 7)
    classes = small.to_factors(places)
    factors = {"latents_classes": classes, "latents_values": small.values_of(places)}
    images = dsprites.draw(classes)[..., 0] // 255
    np.savez(tmp_path / "dsprites.npz", imgs=images, **{key: factors[key] for key in keys})
    return arrays.load(tmp_path / "dsprites.npz", cache=tmp_path).factors, factors


def test_dsprites_has_the_values_of_its_factors_and_its_classes_say_that_they_are_discrete(tmp_path):
    both, factors = part_of_dsprites(tmp_path, "latents_classes", "latents_values")
    every_row = np.arange(len(both))
    np.testing.assert_array_equal(both.values_of(every_row), factors["latents_values"])
    np.testing.assert_array_equal(both.to_factors(every_row), factors["latents_classes"])
    for keys in (["latents_values"], ["latents_classes"]):
        alone, _ = part_of_dsprites(tmp_path, *keys)
        np.testing.assert_array_equal(alone.values_of(every_row), factors[keys[0]])
        np.testing.assert_array_equal(alone.to_factors(every_row), both.to_factors(every_row))
        assert alone.continuous == both.continuous == (False,) * 6


@pytest.mark.parametrize("sizes", [(6, 6, 2, 3, 3, 40, 40), (4, 4, 2, 3, 3, 40, 40)])
def test_mpi3d_has_its_factors_in_the_order_of_its_images(tmp_path, sizes):
    count = int(np.prod(sizes))
    # The number of an image, in three colours.
    images = np.arange(count)[:, np.newaxis] >> np.array([16, 8, 0]) & 255
    np.savez(tmp_path / "mpi3d.npz", images=images.astype(np.uint8).reshape(count, 1, 1, 3))
    data = arrays.load(tmp_path / "mpi3d.npz", cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorSpace)
    assert data.factors.sizes == sizes
    assert data.factors.names[:3] == ("object_color", "object_shape", "object_size")
    assert data.factors.names[3:] == ("camera_height", "background_color", "horizontal_axis", "vertical_axis")
    row = (1, 3, 1, 2, 0, 17, 39)
    place = np.ravel_multi_index(row, sizes)
    np.testing.assert_array_equal(
        data.images_of(np.array([row]))[0, 0, 0], [place >> 16, place >> 8 & 255, place & 255]
    )
    # An argument overrules what was taken for MPI3D.
    alone = tfvae.data.load(f"npz:{tmp_path / 'mpi3d.npz'}?factors=false")
    assert (alone.factors, len(alone)) == (None, count)


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_3d_shapes_is_read_from_its_hdf5_file(tmp_path, compression):
    small = FactorSpace(shapes3d.FACTORS.names, tuple(values[::3] for values in shapes3d.FACTORS.values))
    every_place = np.arange(len(small))
    images = RNG.integers(0, 256, (len(small), 4, 4, 3), np.uint8)
    labels = small.values_of(every_place)
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file.create_dataset("images", data=images, compression=compression)
        file.create_dataset("labels", data=labels)
    data = tfvae.data.load(f"npz:{tmp_path / '3dshapes.h5'}", cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorSpace)
    assert (data.factors.names, data.factors.sizes) == (small.names, small.sizes)
    np.testing.assert_array_equal(data.factors.values_of(every_place), labels)
    np.testing.assert_array_equal(every(data), images)
    # Labels with another value belong to another data set.
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"], file["labels"] = images, labels + np.eye(6)[5]
    assert arrays.load(tmp_path / "other.h5", cache=tmp_path / "cache").factors.names[0] == "label_0"


@pytest.mark.parametrize(
    "content",
    [
        {"x_train": COLOUR, "y_train": LABELS, "x_test": COLOUR[:2], "y_test": LABELS[:2]},
        {"train_images": COLOUR, "train_labels": LABELS[:, np.newaxis], "test_images": COLOUR[:2]},
        {"images": COLOUR, "labels": LABELS.astype(np.uint8)},
        {"images": COLOUR, "labels": np.array(["cat", "ant", "cat", "fox", "ant", "bee"])},
    ],
    ids=["Keras", "MedMNIST", "numbers", "strings"],
)
def test_labels_are_a_discrete_factor(tmp_path, content):
    np.savez(tmp_path / "x.npz", **content)
    data = arrays.load(tmp_path / "x.npz", cache=tmp_path)
    assert (data.factors.names, data.factors.continuous, data.factors.sizes) == (("label",), (False,), (4,))
    np.testing.assert_array_equal(data.factors.to_factors(np.arange(6))[:, 0], [2, 0, 2, 3, 0, 1])
    np.testing.assert_array_equal(every(data), COLOUR)


def test_several_labels_are_several_factors_of_which_floats_may_be_continuous(tmp_path):
    np.savez(tmp_path / "x.npz", images=COLOUR, labels=np.stack([LABELS, LABELS + np.linspace(0, 1, 6)], axis=1))
    factors = arrays.load(tmp_path / "x.npz", cache=tmp_path).factors
    assert (factors.names, factors.continuous) == (("label_0", "label_1"), (True, True))
