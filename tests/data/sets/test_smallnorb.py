import gzip

import numpy as np
import pytest

import tfvae.data
from tfvae.data import FactorSpace, FactorTable

RNG = np.random.default_rng(0)
MAGIC = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}
NAMES = {"training": "5x46789x9x18x6x2x96x96-training", "testing": "5x01235x9x18x6x2x96x96-testing"}


def matrix(array, magic=None):
    """An array in the format of the data set's page: type, number of axes, at least three sizes, values."""
    sizes = [*array.shape, *[1] * (3 - array.ndim)]
    head = np.array([magic or MAGIC[array.dtype.name], array.ndim, *sizes], "<i4")
    return head.tobytes() + array.tobytes()


def file(root, part, kind, suffix=""):
    return root / f"smallnorb-{NAMES[part]}-{kind}.mat{suffix}"


def write(root, part, instances, compressed=False):
    """Two categories, two elevations and two lights of each instance, shuffled; returns pairs by these factors."""
    grid = np.array(
        [(c, i, e, a, k) for c in (0, 4) for i in instances for e in (0, 8) for a in (0, 34) for k in (1, 5)]
    )
    pairs = np.broadcast_to(RNG.integers(0, 256, (len(grid), 2, 1, 1), np.uint8), (len(grid), 2, 96, 96))
    shuffled = RNG.permutation(len(grid))
    rows = grid[shuffled].astype(np.int32)
    for kind, array in {"dat": pairs[shuffled], "cat": rows[:, 0], "info": rows[:, 1:]}.items():
        content = matrix(np.ascontiguousarray(array))
        if compressed:
            file(root, part, kind, ".gz").write_bytes(gzip.compress(content, 1))
        else:
            file(root, part, kind).write_bytes(content)
    return grid, pairs[:, :, 0, 0]


@pytest.mark.parametrize("compressed", [False, True])
def test_both_splits_are_one_grid(tmp_path, compressed):
    _, train = write(tmp_path, "training", (4, 6), compressed)
    _, test = write(tmp_path, "testing", (0, 5), compressed)
    data = tfvae.data.load(f"smallnorb:{tmp_path}?size=16", cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorSpace)
    assert data.factors.names == ("category", "instance", "elevation", "azimuth", "lighting")
    assert [values.tolist() for values in data.factors.values] == [[0, 4], [0, 4, 5, 6], [30, 70], [0, 340], [1, 5]]
    # Of each category, the instances 0, 4, 5, 6.
    train, test = train.reshape(2, 2, 8, 2), test.reshape(2, 2, 8, 2)
    expected = np.stack([test[:, 0], train[:, 0], test[:, 1], train[:, 1]], axis=1).reshape(64, 2)
    found = data.images(np.arange(64))
    assert found.shape == (64, 16, 16, 1)
    np.testing.assert_array_equal(found, np.broadcast_to(expected[:, :1, None, None], found.shape))


def test_a_split_and_a_camera_can_be_chosen(tmp_path):
    grid, pairs = write(tmp_path, "testing", (1, 3))
    data = tfvae.data.load(f"smallnorb:{tmp_path}?split=test&camera=1&size=8", cache=tmp_path / "cache")
    assert data.factors.values[1].tolist() == [1, 3]
    assert data.factors.values_of(np.array([9])).tolist() == [[0, 3, 30, 0, 5]]
    assert grid[9].tolist() == [0, 3, 0, 0, 5]
    np.testing.assert_array_equal(data.images(np.arange(32))[:, 0, 0, 0], pairs[:, 1])
    with pytest.raises(FileNotFoundError, match=r"Expected smallnorb-\.\.\.-training-dat\.mat, perhaps with \.gz"):
        tfvae.data.load(f"smallnorb:{tmp_path}")


def test_an_incomplete_set_is_a_table(tmp_path):
    write(tmp_path, "training", (4, 6))
    rows = np.array([[4, 0, 0, 0], [4, 8, 0, 0], [6, 0, 0, 0]], np.int32)
    file(tmp_path, "training", "info").write_bytes(matrix(rows))
    file(tmp_path, "training", "cat").write_bytes(matrix(np.zeros(3, np.int32)))
    file(tmp_path, "training", "dat").write_bytes(matrix(np.zeros((3, 2, 96, 96), np.uint8)))
    data = tfvae.data.load(f"smallnorb:{tmp_path}?split=train", cache=tmp_path / "cache")
    assert isinstance(data.factors, FactorTable)
    assert len(data) == 3


def broken(tmp_path, kind, content):
    write(tmp_path, "training", (4,))
    file(tmp_path, "training", kind).write_bytes(content)
    with pytest.raises(ValueError, match=r"^Expected .* Received: ") as error:
        tfvae.data.load(f"smallnorb:{tmp_path}?split=train", cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("smallnorb-*"))
    return str(error.value)


def test_damaged_and_other_files_are_refused(tmp_path):
    pairs, rows = np.zeros((16, 2, 96, 96), np.uint8), np.zeros((16, 4), np.int32)
    assert "uint8 of shape ('N', 2, 96, 96)" in broken(tmp_path, "dat", matrix(pairs[:, :1]))
    assert "shape (16, 2, 96, 96)" in broken(tmp_path, "dat", matrix(pairs, magic=0x1E3D4C53))
    assert "training-dat.mat" in broken(tmp_path, "dat", matrix(pairs)[:-1])
    assert "Expected 16 pairs of images, as there are labels. Received: 17" in broken(
        tmp_path, "dat", matrix(np.zeros((17, 2, 96, 96), np.uint8))
    )
    assert "Received: 15" in broken(tmp_path, "dat", matrix(pairs[:15]))
    assert "int32 of shape ('N', 4)" in broken(tmp_path, "info", matrix(rows[:, :3].copy()))
    assert "as many rows" in broken(tmp_path, "info", matrix(rows[:15]))
    assert "training-cat.mat" in broken(tmp_path, "cat", b"")
    assert "training-cat.mat" in broken(tmp_path, "cat", matrix(np.zeros(16, np.uint8)))
    assert "Expected azimuth out of [0.0, 20.0" in broken(
        tmp_path, "info", matrix(rows + np.array([0, 0, 1, 0], np.int32))
    )
    assert "Expected category out of [0.0" in broken(tmp_path, "cat", matrix(np.full(16, 5, np.int32)))


@pytest.mark.parametrize("option", ["size=0", "split=both", "camera=2"])
def test_options_out_of_range_are_refused(tmp_path, option):
    with pytest.raises(ValueError, match="Expected size >= 1, split 'train', 'test' or None, and camera 0 or 1"):
        tfvae.data.load(f"smallnorb:{tmp_path}?{option}")
