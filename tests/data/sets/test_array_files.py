import h5py
import numpy as np
import pytest

from tfvae.data.sets import arrays
from tfvae.data.sets.array_files import blocks_of, header_of, mapped, whole

IMAGES = np.full((6, 16, 16, 3), 7, np.uint8)
ROWS = np.random.default_rng(0).integers(0, 256, (2_500, 3), np.uint8)


@pytest.fixture(params=["npz", "compressed npz", "h5", "compressed h5"])
def file(request, tmp_path):
    kind = request.param
    if kind.endswith("h5"):
        with h5py.File(tmp_path / "x", "w") as opened:
            opened.create_dataset("rows", data=ROWS, compression="gzip" if "compressed" in kind else None)
    else:
        with (tmp_path / "x").open("wb") as opened:
            (np.savez_compressed if "compressed" in kind else np.savez)(opened, rows=ROWS)
    return kind, tmp_path / "x"


def test_an_array_is_read_whole_and_in_blocks_from_every_format(file):
    kind, path = file
    assert header_of(path, "rows") == (ROWS.shape, ROWS.dtype)
    np.testing.assert_array_equal(whole(path, "rows"), ROWS)
    blocks = list(blocks_of(path, "rows"))
    assert [len(block) for block in blocks] == [1024, 1024, 452]
    np.testing.assert_array_equal(np.concatenate(blocks), ROWS)
    # Only what lies in the file as it is can be mapped.
    assert (mapped(path, "rows") is not None) == (kind == "npz")


def test_a_broken_hdf5_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = IMAGES
    (tmp_path / "x.h5").write_bytes((tmp_path / "x.h5").read_bytes()[:1500])
    with pytest.raises(ValueError, match="HDF5 file that can be read"):
        arrays.load(tmp_path / "x.h5", cache=tmp_path / "cache")
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["pictures"] = IMAGES
    with pytest.raises(ValueError, match=r"Expected an array 'images'.*\['pictures'\]"):
        arrays.load(tmp_path / "y.h5", cache=tmp_path / "cache")
