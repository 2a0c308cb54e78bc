import h5py
import numpy as np
import pytest

import tfvae.data
from tfvae.data import FactorSpace
from tfvae.data.sets import array_layouts, published_arrays, shapes3d

RNG = np.random.default_rng(0)
SIZES = ((2, 1, 2, 1, 1, 2, 3), (1, 1, 2, 1, 1, 2, 3))  # of MPI3D with fewer values


@pytest.fixture
def small(monkeypatch):
    """Both data sets with fewer values of each factor; their layouts are the published ones."""
    monkeypatch.setattr(array_layouts, "MPI3D_SIZES", SIZES)
    monkeypatch.setattr(published_arrays, "MPI3D_SIZES", SIZES)
    few = FactorSpace(shapes3d.FACTORS.names, tuple(values[:2] for values in shapes3d.FACTORS.values))
    monkeypatch.setattr(shapes3d, "FACTORS", few)
    return few


def images(count, side=64):
    return RNG.integers(0, 256, (count, side, side, 3), np.uint8)


def hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mpi3d_is_read_in_its_order(tmp_path, small, sizes, save):
    published = images(np.prod(sizes))
    save(tmp_path / "mpi3d_real.npz", images=published)
    data = tfvae.data.load(f"mpi3d:{tmp_path / 'mpi3d_real.npz'}", cache=tmp_path / "cache")
    assert (data.factors.sizes, data.factors.names) == (sizes, array_layouts.MPI3D)
    assert data.name == f"mpi3d:{tmp_path / 'mpi3d_real.npz'}"
    np.testing.assert_array_equal(data.images(np.arange(len(data))), published)


def test_the_published_sizes_of_mpi3d():
    assert [int(np.prod(sizes)) for sizes in published_arrays.MPI3D_SIZES] == [1_036_800, 460_800]


def test_3d_shapes_is_read_from_its_file(tmp_path, small):
    published, labels = images(64), small.values_of(np.arange(64))
    hdf5(tmp_path / "3dshapes.h5", images=published, labels=labels)
    data = tfvae.data.load(f"shapes3d:{tmp_path / '3dshapes.h5'}", cache=tmp_path / "cache")
    assert (data.factors.names, data.factors.sizes, len(data)) == (small.names, (2,) * 6, 64)
    np.testing.assert_array_equal(data.images(np.arange(64)), published)
    np.testing.assert_array_equal(data.factors.values_of(np.arange(64)), labels)


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        (
            "mpi3d",
            {"images": images(23)},
            r"images of mpi3d of shape \(24, 64, 64, 3\) or \(12, .*\(23, 64, 64, 3\) in",
        ),
        ("mpi3d", {"images": images(24, 32)}, r"shape \(24, 64, 64, 3\) or .*Received: \(24, 32, 32, 3\) in"),
        ("mpi3d", {"imgs": images(24)}, r"with the arrays \['images'\]\. Received: \['imgs'\] in"),
        ("mpi3d", {"images": images(12), "labels": np.arange(12)}, "values of .*'vertical_axis'.* Received: others in"),
        ("shapes3d", {"images": images(64)}, r"with the arrays \['images', 'labels'\]\. Received: \['images'\] in"),
        (
            "shapes3d",
            {"images": images(64), "labels": np.ones((64, 5))},
            r"labels of .*\(64, 6\)\. Received: \(64, 5\)",
        ),
        ("shapes3d", {"images": images(64), "labels": np.full((64, 6), 7.0)}, "'orientation'.* Received: others in"),
        ("shapes3d", {"images": images(64), "labels": np.zeros((64, 6))}, "'orientation'.* Received: others in"),
    ],
)
def test_other_files_are_refused_before_their_images_are_read(tmp_path, small, monkeypatch, name, arrays, message):
    def never(*args, **kwargs):
        raise AssertionError("the images were read")

    monkeypatch.setattr("tfvae.data.sets.arrays.load", never)
    hdf5(tmp_path / "file", **arrays)
    with pytest.raises(ValueError, match=f"Expected .*{message}"):
        tfvae.data.load(f"{name}:{tmp_path / 'file'}")


@pytest.mark.parametrize("name", ["mpi3d", "shapes3d"])
def test_a_missing_file_or_one_of_another_format_is_refused(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=rf"Expected the file of {name}\. Received: no file at '.*none'"):
        tfvae.data.load(f"{name}:{tmp_path / 'none'}")
    (tmp_path / "text").write_text("text")
    with pytest.raises(ValueError, match=r"Expected a \.npz, \.npy or HDF5 file"):
        tfvae.data.load(f"{name}:{tmp_path / 'text'}")
    np.save(tmp_path / "alone.npy", images(24))
    with pytest.raises(ValueError, match=r"Received: an array in .*alone\.npy"):
        tfvae.data.load(f"{name}:{tmp_path / 'alone.npy'}")
