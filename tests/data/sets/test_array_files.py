import zipfile

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


@pytest.mark.parametrize("kind", ["npz", "npy", "h5", "fortran"])
def test_large_rows_are_read_few_at_a_time(kind, tmp_path):
    rows = np.random.default_rng(0).random((40, 512, 512), np.float32)  # 42 MB
    key, path = ("rows", tmp_path / "x") if kind in ("npz", "h5") else (None, tmp_path / "x.npy")
    if kind == "h5":
        with h5py.File(path, "w") as file:
            file["rows"] = rows
    elif kind == "npz":
        with path.open("wb") as file:
            np.savez(file, rows=rows)
    else:
        np.save(path, np.asfortranarray(rows) if kind == "fortran" else rows)
    blocks = list(blocks_of(path, key))
    assert max(block.nbytes for block in blocks) == 2**24
    np.testing.assert_array_equal(np.concatenate(blocks), rows)


def npy(shape, content=b""):
    """A .npy file that claims a shape."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (117 - len(text)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


def encrypted(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", npy("(1, 16, 16)", bytes(256)))
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag of the member, and of the directory
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


def unknown_compression(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", npy("(1, 16, 16)", bytes(256)))
    content = bytearray(path.read_bytes())
    content[8] = 97
    content[content.rindex(b"PK\x01\x02") + 10] = 97
    path.write_bytes(content)


def damaged_compression(path, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("images.npy", npy("(90, 16, 16)", np.random.default_rng(0).bytes(90 * 256)))
    content = bytearray(path.read_bytes())
    content[2000:2020] = bytes(20)
    path.write_bytes(content)


def huge_chunk(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (10**6, 64, 64), np.uint8, chunks=(2**19, 64, 64), compression="gzip")


LIES = {
    "negative.npy": lambda path: path.write_bytes(npy("(-1, 16, 16)")),
    "true.npy": lambda path: path.write_bytes(npy("(True, 16, 16)", bytes(256))),
    "huge_image.npy": lambda path: path.write_bytes(npy("(1, 10000000000, 10000000000)")),
    "huge_number.npy": lambda path: path.write_bytes(npy(f"({10**30}, 16, 16)")),
    "no_header.npy": lambda path: path.write_bytes(npy("(1, 16, 16)")[:60]),
    "text_header.npy": lambda path: path.write_bytes(npy("(1, 16, 16), (((")),
    "encrypted.npz": encrypted,
    "unknown_compression.npz": unknown_compression,
    "damaged_compression.npz": damaged_compression,
    "damaged_bzip2.npz": lambda path: damaged_compression(path, zipfile.ZIP_BZIP2),
    "damaged_lzma.npz": lambda path: damaged_compression(path, zipfile.ZIP_LZMA),
    "huge_chunk.h5": huge_chunk,
}


@pytest.mark.parametrize("name", LIES)
def test_files_that_lie_or_are_damaged_are_named_in_one_kind_of_error(name, tmp_path):
    LIES[name](tmp_path / name)
    with pytest.raises(ValueError, match=f"Expected .*Received: .*{tmp_path}/{name}") as raised:
        arrays.load(tmp_path / name, cache=tmp_path / "cache")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").iterdir())


def test_factors_that_claim_gigabytes_are_refused_before_they_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", npy("(2, 16, 16)", bytes(range(256)) * 2))
        archive.writestr("factors.npy", npy("(2, 1000000000)"))
    with pytest.raises(ValueError, match=r"Received: factors in .*x\.npz: a row of shape"):
        arrays.load(tmp_path / "x.npz", cache=tmp_path / "cache")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", npy("(2, 16, 16)", bytes(range(256)) * 2))
        archive.writestr("factors.npy", npy("(2000000000, 1)"))
    with pytest.raises(ValueError, match=r"factors in .*x\.npz: its 2,000,000,000 bytes are more than"):
        arrays.load(tmp_path / "x.npz", cache=tmp_path / "cache")
