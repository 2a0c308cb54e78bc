import os
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets

import tfvae.data
from tfvae.data.factors import FactorSpace
from tfvae.data.sets import dsprites, tfds

SIZES = (3, 2, 3, 4, 4)
NAMES = ("shape", "scale", "orientation", "x_position", "y_position")
GRID = FactorSpace(NAMES, tuple(np.arange(size) for size in SIZES))


def draw(rows: np.ndarray) -> np.ndarray:
    return dsprites.draw(np.insert(rows, 0, 0, axis=1)) // 255


def store(folder: Path, rows: np.ndarray, images: np.ndarray) -> Path:
    """Prepares a small dSprites as TensorFlow Datasets does, with the examples in the order of `rows`."""
    features = tensorflow_datasets.features
    labels = {f"label_{name}": features.ClassLabel(num_classes=size) for name, size in zip(NAMES, SIZES, strict=True)}
    tensorflow_datasets.dataset_builders.store_as_tfds_dataset(
        name="dsprites",
        version="2.0.0",
        features=features.FeaturesDict(
            {
                "image": features.Image(shape=(64, 64, 1)),
                **labels,
                **{f"value_{name}": features.Tensor(shape=[], dtype=np.float32) for name in NAMES},
            }
        ),
        split_datasets={
            "train": (
                (
                    key,
                    {
                        "image": image,
                        **{f"label_{name}": int(label) for name, label in zip(NAMES, row, strict=True)},
                        **{f"value_{name}": float(label) for name, label in zip(NAMES, row, strict=True)},
                    },
                )
                for key, (row, image) in enumerate(zip(rows, images, strict=True))
            )
        },
        data_dir=folder,
        disable_shuffling=True,
    )
    return folder


@pytest.fixture(scope="module")
def shuffled() -> np.ndarray:
    return np.random.default_rng(0).permutation(GRID.to_factors(np.arange(len(GRID))))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory, shuffled) -> Path:
    return store(tmp_path_factory.mktemp("tfds"), shuffled, draw(shuffled))


def test_images_are_those_of_their_labels(data_dir, tmp_path):
    data = tfds.load("dsprites", data_dir, cache=tmp_path)
    assert data.name == "tfds:dsprites"
    assert data.factors.names == dsprites.FACTORS.names
    assert data.factors.sizes == (1, *SIZES)
    assert data.scored_factors == ("shape", "scale", "orientation", "posX", "posY")
    for values, published in zip(data.factors.values, dsprites.FACTORS.values, strict=True):
        np.testing.assert_array_equal(values, published[: len(values)])
    factors = data.factors.to_factors(np.arange(len(data)))
    np.testing.assert_array_equal(data.images(np.arange(len(data))), dsprites.draw(factors))


def test_data_is_read_once(data_dir, tmp_path, monkeypatch):
    first = tfds.load("dsprites", data_dir, cache=tmp_path)
    monkeypatch.setattr(tfds, "_fill", lambda *_, **__: pytest.fail("read again"))
    again = tfds.load("dsprites", data_dir, cache=tmp_path)
    assert again.digest == first.digest
    np.testing.assert_array_equal(again.images(np.arange(len(GRID))), first.images(np.arange(len(GRID))))


def test_a_damaged_cache_is_reported_and_read_again(data_dir, tmp_path):
    digest = tfds.load("dsprites", data_dir, cache=tmp_path).digest
    (path,) = tmp_path.glob("*/images.npy")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.warns(UserWarning, match="is damaged and is made again"):
        assert tfds.load("dsprites", data_dir, cache=tmp_path).digest == digest
    assert path.read_bytes() == whole


def test_data_of_the_same_name_in_two_folders_is_kept_apart(data_dir, tmp_path, shuffled):
    other_images = draw(shuffled)[:, ::-1]
    other_dir = store(tmp_path / "other", shuffled, other_images)
    first = tfds.load("dsprites", data_dir, cache=tmp_path / "cache")
    other = tfds.load("dsprites", other_dir, cache=tmp_path / "cache")
    assert other.digest != first.digest
    np.testing.assert_array_equal(other.images_of(np.insert(shuffled, 0, 0, axis=1)), other_images * 255)


def test_missing_and_repeated_combinations(tmp_path, shuffled):
    rows = shuffled.copy()
    lost = rows[5].tolist()
    rows[5] = rows[6]
    store(tmp_path, rows, draw(rows))
    with pytest.raises(ValueError, match=r"Expected one image for each of 288 combinations.*1 without.*1 with several"):
        tfds.load("dsprites", tmp_path, cache=tmp_path / "cache")
    assert not os.listdir(tmp_path / "cache")

    rows = np.delete(shuffled, 5, axis=0)
    store(tmp_path / "short", rows, draw(rows))
    first = f"'shape': {lost[0]}, 'scale': {lost[1]}, 'orientation': {lost[2]}, 'posX': {lost[3]}, 'posY': {lost[4]}"
    with pytest.raises(ValueError, match=f"1 without an image, 0 with several; the first of them is .*{first}"):
        tfds.load("dsprites", tmp_path / "short", cache=tmp_path / "cache")


def test_images_that_are_not_binary(tmp_path, shuffled):
    store(tmp_path, shuffled, draw(shuffled) * np.uint8(200))
    with pytest.raises(ValueError, match=r"Expected images of 0 and 1\. Received: maximum=200"):
        tfds.load("dsprites", tmp_path, cache=tmp_path / "cache")


def test_data_that_must_be_downloaded_first(tmp_path):
    with pytest.raises(FileNotFoundError) as info:
        tfds.load("dsprites", tmp_path / "none", cache=tmp_path)
    message = str(info.value)
    assert "dsprites 2.0.0 of TensorFlow Datasets" in message
    assert "28 MB" in message
    assert f"tfvae.data.load('tfds:dsprites', data_dir={os.fspath(tmp_path / 'none')!r}, download=True)" in message
    assert "'dsprites' needs no download" in message
    assert not os.listdir(tmp_path)


def test_data_that_cannot_be_reached(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(tfds.urllib.request, "urlopen", no_network)
    with pytest.raises(OSError, match=r"Expected to download dsprites 2\.0\.0.*Received: URLError: .*not known"):
        tfds.load("dsprites", tmp_path, download=True, cache=tmp_path)


@pytest.mark.parametrize(
    ("name", "package", "install"),
    [("huggingface:mnist", "datasets", "datasets huggingface_hub"), ("some_audio", "pydub", "pydub")],
)
def test_a_builder_that_needs_another_package_names_it(tmp_path, monkeypatch, name, package, install):
    def absent(*_, **__):
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(tfds.tensorflow_datasets, "builder", absent)
    with pytest.raises(ModuleNotFoundError, match=rf"the package {package}, .* for {name} \(pip install {install}\)"):
        tfds.load(name, tmp_path, cache=tmp_path)


def test_data_that_exists_is_not_downloaded(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(tfds.urllib.request, "urlopen", lambda *_, **__: pytest.fail("asked the network"))
    assert len(tfds.load("dsprites", data_dir, download=True, cache=tmp_path)) == len(GRID)


def test_names(data_dir, tmp_path):
    assert tfvae.data.load("tfds:dsprites", data_dir=data_dir, cache=tmp_path).name == "tfds:dsprites"
    with pytest.raises(ValueError, match=r"Expected a builder of TensorFlow Datasets.*Received: name='no_such_norb'"):
        tfvae.data.load("tfds:no_such_norb")
    with pytest.raises(ValueError, match=r"Expected a data set out of \['dsprites'.*'tfds:\.\.\.'.*name='norb'"):
        tfvae.data.load("norb")
