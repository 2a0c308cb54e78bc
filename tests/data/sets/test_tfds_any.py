"""Small versions of builders other than dSprites, prepared by TensorFlow Datasets."""

import tracemalloc

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image
from tensorflow_datasets import features

import tfvae.data
from tfvae.data.factor_table import FactorTable
from tfvae.data.factors import FactorSpace
from tfvae.data.images import ImageData
from tfvae.data.sets import tfds

RNG = np.random.default_rng(0)


def store(folder, name, version, kinds, **splits):
    tensorflow_datasets.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=features.FeaturesDict(kinds),
        split_datasets={split: iter(enumerate(examples)) for split, examples in splits.items()},
        data_dir=folder,
        disable_shuffling=True,
    )


def every(data):
    return data.images(np.arange(len(data)))


def digits(folder, count=7):
    """MNIST: images [2 count, 28, 28, 1] of train and test, and their labels."""
    images = RNG.integers(0, 256, (2 * count, 28, 28, 1), np.uint8)
    labels = RNG.integers(0, 10, 2 * count)
    examples = [{"image": image, "label": label} for image, label in zip(images, labels.tolist(), strict=True)]
    kinds = {"image": features.Image(shape=(28, 28, 1)), "label": features.ClassLabel(num_classes=10)}
    store(folder, "mnist", "3.0.1", kinds, train=examples[:count], test=examples[count:])
    return images, labels


def test_digits_are_centred_in_the_next_multiple_of_16_and_their_label_is_a_table(tmp_path):
    images, labels = digits(tmp_path)
    data = tfvae.data.load("tfds:mnist", data_dir=tmp_path, cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorTable)
    assert data.factors.names == ("label",)
    np.testing.assert_array_equal(every(data), np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))))
    np.testing.assert_array_equal(data.factors.values_of(np.arange(14))[:, 0], labels)
    for split, rows in (
        ("test", slice(7, 14)),
        ("train[2:4]", slice(2, 4)),
        ("test+train", [*range(7, 14), *range(7)]),
    ):
        part = tfvae.data.load(f"tfds:mnist?split={split}", data_dir=tmp_path, cache=tmp_path / "cache")
        np.testing.assert_array_equal(every(part)[:, 2:30, 2:30], images[rows])
        np.testing.assert_array_equal(part.factors.values_of(np.arange(len(part)))[:, 0], labels[rows])


def test_resized_digits(tmp_path):
    images, _ = digits(tmp_path)
    data = tfds.load("mnist", tmp_path, size=16, crop=20, cache=tmp_path / "cache")
    expected = [Image.fromarray(image[4:24, 4:24, 0]).resize((16, 16), Image.Resampling.LANCZOS) for image in images]
    assert np.abs(every(data)[..., 0].astype(int) - np.stack(expected)).max() <= 1


def test_data_dir_defaults_to_the_environment_variable(tmp_path, monkeypatch):
    images, _ = digits(tmp_path / "tfds")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("TFVAE_CACHE", str(tmp_path / "cache"))
    np.testing.assert_array_equal(every(tfvae.data.load("tfds:mnist"))[:, 2:30, 2:30], images)


@pytest.mark.parametrize("split", [None, "test"])
def test_smallnorb_is_a_grid_as_a_whole_and_in_each_split(tmp_path, split):
    layout = tfds.LAYOUTS["smallnorb"]
    sizes, instances = (2, 4, 2, 3, 2), {"train": (1, 3), "test": (0, 2)}
    kinds = {key: features.Image(shape=(96, 96, 1)) for key in ("image", "image2")}
    kinds |= {
        label: features.ClassLabel(num_classes=n) for label, n in zip(layout.labels, (5, 10, 9, 18, 6), strict=True)
    }
    rows = RNG.permutation(np.indices(sizes).reshape(5, -1).T)

    def grey(row):
        return int(np.ravel_multi_index(tuple(row), sizes)) * 2

    def example(row):
        picture = np.full((96, 96, 1), grey(row), np.uint8)
        labels = dict(zip(layout.labels, row.tolist(), strict=True))
        return {"image": picture, "image2": 255 - picture, **labels}

    splits = {name: [example(row) for row in rows if row[1] in numbers] for name, numbers in instances.items()}
    store(tmp_path, "smallnorb", "2.0.0", kinds, **splits)
    data = tfds.load("smallnorb", tmp_path, split=split, cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorSpace)
    assert data.factors.names == ("category", "instance", "elevation", "azimuth", "lighting")
    chosen = instances[split] if split else range(4)
    np.testing.assert_array_equal(data.factors.values[1], chosen)
    np.testing.assert_array_equal(data.factors.values[2], [30, 35])
    np.testing.assert_array_equal(data.factors.values[3], [0, 20, 40])
    expected = [grey(row) for row in np.indices(sizes).reshape(5, -1).T if row[1] in chosen]
    assert data.image_shape == (64, 64, 1)
    np.testing.assert_array_equal(every(data)[:, 5, 5, 0], expected)


def test_shapes3d_is_sorted_by_its_factors(tmp_path):
    layout = tfds.LAYOUTS["shapes3d"]
    sizes = (2, 3, 1, 2, 2, 2)
    kinds = {"image": features.Image(shape=(64, 64, 3))}
    kinds |= {label: features.ClassLabel(num_classes=n) for label, n in zip(layout.labels, sizes, strict=True)}
    rows = RNG.permutation(np.indices(sizes).reshape(6, -1).T)
    images = RNG.integers(0, 256, (*sizes, 64, 64, 3), np.uint8)
    examples = [{"image": images[tuple(row)], **dict(zip(layout.labels, row.tolist(), strict=True))} for row in rows]
    store(tmp_path, "shapes3d", "2.0.0", kinds, train=examples)
    data = tfds.load("shapes3d", tmp_path, cache=tmp_path / "cache")
    np.testing.assert_array_equal(every(data), images.reshape(-1, 64, 64, 3))
    np.testing.assert_array_equal(data.factors.values[1], [0, 0.1, 0.2])
    assert data.factors.sizes == sizes


def test_faces_are_cropped_and_have_their_attributes(tmp_path):
    kinds = {
        "image": features.Image(shape=(218, 178, 3)),
        "landmarks": {"nose_x": np.int64},
        "attributes": {"Male": np.bool_, "Smiling": np.bool_},
        "identity": {"Identity_No": np.int64},
    }
    pictures = np.repeat(RNG.integers(0, 256, (5, 109, 89, 3), np.uint8), 2, axis=1).repeat(2, axis=2)
    attributes = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [1, 1]])
    examples = [
        {
            "image": picture,
            "landmarks": {"nose_x": 9},
            "attributes": {"Male": bool(male), "Smiling": bool(smiling)},
            "identity": {"Identity_No": 3},
        }
        for picture, (male, smiling) in zip(pictures, attributes, strict=True)
    ]
    store(tmp_path, "celeb_a", "2.1.0", kinds, train=examples[:3], validation=examples[3:4], test=examples[4:])
    data = tfds.load("celeb_a", tmp_path, cache=tmp_path / "cache")
    assert sorted(data.factors.names) == ["Male", "Smiling"]
    columns = [data.factors.names.index(name) for name in ("Male", "Smiling")]
    np.testing.assert_array_equal(data.factors.values_of(np.arange(5))[:, columns], attributes)
    expected = [
        Image.fromarray(picture[45:173, 25:153]).resize((64, 64), Image.Resampling.LANCZOS) for picture in pictures
    ]
    np.testing.assert_array_equal(every(data), np.stack(expected))


def test_pictures_of_any_size_without_labels_and_pictures_of_0_and_1(tmp_path):
    pictures = [
        np.full((height, width, 3), 40 * height % 256, np.uint8) for height, width in ((70, 90), (10, 5), (64, 64))
    ]
    store(
        tmp_path,
        "mine",
        "1.0.0",
        {"image": features.Image(shape=(None, None, 3))},
        train=[{"image": p} for p in pictures],
    )
    data = tfds.load("mine", tmp_path, cache=tmp_path / "cache")
    assert type(data) is ImageData
    np.testing.assert_array_equal(every(data)[:, 9, 9, 0], [picture[0, 0, 0] for picture in pictures])

    bits = RNG.integers(0, 2, (4, 16, 16, 1), np.uint8)
    store(tmp_path, "bits", "1.0.0", {"image": features.Image(shape=(16, 16, 1))}, train=[{"image": b} for b in bits])
    np.testing.assert_array_equal(every(tfds.load("bits", tmp_path, cache=tmp_path / "cache")), 255 * bits)


def test_a_builder_without_images_is_refused(tmp_path):
    store(tmp_path, "numbers", "1.0.0", {"x": np.int64}, train=[{"x": 3}])
    with pytest.raises(ValueError, match=r"Expected a builder with uint8 images as the feature 'image'\. .*'numbers'"):
        tfds.load("numbers", tmp_path, cache=tmp_path / "cache")


def test_memory_does_not_grow_with_the_data(tmp_path):
    """NumPy's share of the memory, while 24.6 MB of images are prepared in blocks of 3.1 MB."""
    image = np.zeros((64, 64, 3), np.uint8)
    store(tmp_path, "many", "1.0.0", {"image": features.Image(shape=(64, 64, 3))}, train=[{"image": image}] * 2000)
    tracemalloc.start()
    try:
        tfds.load("many", tmp_path, cache=tmp_path / "cache")
        assert tracemalloc.get_traced_memory()[1] < 12e6
    finally:
        tracemalloc.stop()
