import gzip
import os
import struct

import numpy as np
import pytest
import tensorflow_datasets

import tfvae.data
from tfvae.data import tfds_export
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.sets import digits, dsprites, shapes3d
from tfvae.data.tfds_export import export

RNG = np.random.default_rng(0)
COUNTS = {"train": 20, "t10k": 5}


@pytest.fixture
def small_dsprites():
    space = FactorSpace(dsprites.FACTORS.names, tuple(values[:2] for values in dsprites.FACTORS.values))
    return GroundTruthData("small", space, dsprites.draw(space.to_factors(np.arange(len(space)))))


def write_idx(folder, compress=False, dot="-"):
    """A small MNIST, as four IDX files."""
    folder.mkdir()
    written = {}
    for split, count in COUNTS.items():
        # Labels that are all different would form a grid and be sorted.
        labels = np.uint8(3 * (np.arange(count) % 4))
        written[split] = RNG.integers(0, 256, (count, 28, 28), np.uint8), labels
        for kind, array in zip(("images", "labels"), written[split], strict=True):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            name = f"{split}-{kind}{dot}idx{array.ndim}-ubyte"
            content = header + array.tobytes()
            if compress:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return written


def test_drawn_images_and_read_images_are_equal(tmp_path, small_dsprites):
    folder = export("dsprites", tmp_path / "tfds", data=small_dsprites, progress=False)
    assert folder == tmp_path / "tfds" / "dsprites" / "2.0.0"
    data = tfvae.data.load("tfds:dsprites", data_dir=tmp_path / "tfds", cache=tmp_path)
    assert data.factors.sizes == small_dsprites.factors.sizes
    every = np.arange(len(data))
    np.testing.assert_array_equal(data.factors.values_of(every), small_dsprites.factors.values_of(every))
    np.testing.assert_array_equal(data.images(every), small_dsprites.images(every))


def test_written_3d_shapes_are_read_back(tmp_path):
    space = FactorSpace(shapes3d.FACTORS.names, tuple(values[-2:] for values in shapes3d.FACTORS.values))
    small = GroundTruthData("small", space, RNG.integers(0, 256, (len(space), 64, 64, 3), np.uint8))
    export("shapes3d", tmp_path / "tfds", data=small, progress=False)
    published = tensorflow_datasets.builder("shapes3d", data_dir=tmp_path / "none").info.features
    examples = tensorflow_datasets.load("shapes3d", data_dir=tmp_path / "tfds", download=False, split="train")
    assert {key: (spec.shape, spec.dtype) for key, spec in examples.element_spec.items()} == {
        key: (feature.shape, feature.tf_dtype) for key, feature in published.items()
    }
    data = tfvae.data.load("tfds:shapes3d", data_dir=tmp_path / "tfds", cache=tmp_path)
    every = np.arange(len(data))
    np.testing.assert_array_equal(data.images(every), small.images(every))
    np.testing.assert_array_equal(data.factors.to_factors(every), small.factors.to_factors(every))


def test_tensorflow_datasets_reads_the_same_as_from_its_own_builder(tmp_path, small_dsprites):
    export("dsprites", tmp_path, data=small_dsprites, progress=False)
    published = tensorflow_datasets.builder("dsprites", data_dir=tmp_path / "none").info.features
    examples = tensorflow_datasets.load("dsprites", data_dir=tmp_path, download=False, split="train")
    assert {key: (spec.shape, spec.dtype) for key, spec in examples.element_spec.items()} == {
        key: (feature.shape, feature.tf_dtype) for key, feature in published.items()
    }
    for index, example in enumerate(examples.as_numpy_iterator()):
        row, values = (
            f(np.array([index]))[0] for f in (small_dsprites.factors.to_factors, small_dsprites.factors.values_of)
        )
        np.testing.assert_array_equal(example["image"], small_dsprites.images(np.array([index]))[0] // 255)
        assert [example[f"label_{n}"] for n in ("shape", "scale", "orientation")] == row[1:4].tolist()
        assert example["value_x_position"] == np.float32(values[4])
        assert example["value_orientation"] == np.float32(values[3])


@pytest.mark.parametrize("form", ["idx", "gz", "dots", "npz"])
def test_written_digits_are_read_back(tmp_path, form):
    source = tmp_path / "source"
    written = write_idx(source, compress=form == "gz", dot="." if form == "dots" else "-")
    if form == "npz":
        (x_train, y_train), (x_test, y_test) = written["train"], written["t10k"]
        source = tmp_path / "npz"
        source.mkdir()
        np.savez(source / "mnist.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    export("mnist", tmp_path / "tfds", source=source, progress=False)
    for split, key in (("train", "train"), ("test", "t10k")):
        images, labels = written[key]
        data = tfvae.data.load(f"tfds:mnist?split={split}", data_dir=tmp_path / "tfds", cache=tmp_path / "cache")
        every = np.arange(len(images))
        np.testing.assert_array_equal(data.images(every)[:, 2:30, 2:30, 0], images)
        assert data.images(every)[:, [0, 1, 30, 31]].max() == 0
        np.testing.assert_array_equal(data.factors.values_of(every)[:, 0], labels)


def test_nothing_is_overwritten_and_nothing_is_left_of_a_failure(tmp_path, small_dsprites, monkeypatch):
    folder = export("dsprites", tmp_path, data=small_dsprites, progress=False)
    before = sorted(path.stat().st_mtime_ns for path in folder.iterdir())
    with pytest.raises(FileExistsError, match="exists and is not overwritten"):
        export("dsprites", tmp_path, data=small_dsprites, progress=False)
    assert sorted(path.stat().st_mtime_ns for path in folder.iterdir()) == before

    def interrupted(*_):
        yield 0, {"image": np.zeros((28, 28, 1), np.uint8), "label": 1}
        raise KeyboardInterrupt

    monkeypatch.setattr(tfds_export, "_digits", interrupted)
    write_idx(tmp_path / "source")
    with pytest.raises(KeyboardInterrupt):
        export("mnist", tmp_path / "new", source=tmp_path / "source", progress=False)
    assert not [file for _, _, files in os.walk(tmp_path / "new") for file in files]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("norb", {}, r"Expected a data set out of \['dsprites'.*name='norb'"),
        ("mnist", {}, "Expected the folder of its files for mnist.*source=None"),
        ("dsprites", {"source": "here"}, "no source, as it is drawn"),
        ("mnist", {"source": "absent"}, "Expected train-images-idx3-ubyte.*neither in absent"),
    ],
)
def test_wrong_arguments(tmp_path, name, arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        export(name, tmp_path, **arguments)


def test_broken_digits(tmp_path):
    write_idx(tmp_path / "source")
    path = tmp_path / "source" / "t10k-labels-idx1-ubyte"
    whole = path.read_bytes()
    for content, message in [
        (whole[:-1], "Expected a complete IDX file"),
        (whole[:6], "Expected a complete IDX file"),
        (b"", "Expected a complete IDX file"),
        (whole[:-1] + b"\x0a", r"labels in 0 \.\. 9 in the split 'test'"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 2, 3, 4]), r"Expected uint8 images \[N, H, W\] and integer labels"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            digits.read(tmp_path / "source")
