import numpy as np
import pytest

import tfvae.data
from tfvae.data.factor_table import FactorTable
from tfvae.data.factors import FactorSpace
from tfvae.data.sets import arrays, dsprites

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 16, 16, 3), np.uint8)
GRID = np.array([[2, 10], [1, 10], [1, 20], [3, 20], [2, 20], [3, 10]])


def every(data):
    return data.images(np.arange(len(data)))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("images", [COLOUR, COLOUR[..., 0]], ids=["colour", "grey without channels"])
def test_images_without_factors(tmp_path, save, images):
    save(tmp_path / "x.npz", images=images)
    data = tfvae.data.load(f"npz:{tmp_path / 'x.npz'}", cache=tmp_path / "cache")
    np.testing.assert_array_equal(every(data), images.reshape(6, 16, 16, -1))
    assert data.factors is None
    # Arrays that can be memory-mapped are not copied.
    assert (tmp_path / "cache").exists() == (save is np.savez_compressed)


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(tmp_path, order):
    np.save(tmp_path / "x.npy", np.asarray(COLOUR, order=order))
    np.testing.assert_array_equal(every(arrays.load(tmp_path / "x.npy", cache=tmp_path)), COLOUR)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_rounded(tmp_path, dtype):
    np.savez(tmp_path / "x.npz", images=(COLOUR / 255).astype(dtype))
    difference = every(arrays.load(tmp_path / "x.npz", cache=tmp_path)).astype(int) - COLOUR
    assert np.abs(difference).max() == 0


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float32])
@pytest.mark.parametrize("width", [16, 5])
def test_zeros_and_ones_are_black_and_white_and_stored_as_bits_if_they_fill_bytes(tmp_path, dtype, width):
    bits = RNG.integers(0, 2, (5, 3, width), np.uint8)
    np.savez(tmp_path / "x.npz", images=bits.astype(dtype))
    data = arrays.load(tmp_path / "x.npz", cache=tmp_path / "cache")
    np.testing.assert_array_equal(every(data)[..., 0], 255 * bits)
    (stored,) = (tmp_path / "cache").glob("*/images.npy")
    assert np.load(stored).size == (5 * 3 * 16 // 8 if width == 16 else bits.size)


def test_factors_of_a_grid_in_another_order(tmp_path):
    np.savez(tmp_path / "x.npz", images=COLOUR, factors=GRID, factor_names=np.array(["shape", "angle"]))
    data = arrays.load(tmp_path / "x.npz", cache=tmp_path)
    assert isinstance(data.factors, FactorSpace)
    assert data.factors.names == ("shape", "angle")
    np.testing.assert_array_equal(data.factors.values[1], [10, 20])
    for row, image in zip(GRID, COLOUR, strict=True):
        place = np.array([[row[0] - 1, row[1] // 10 - 1]])
        np.testing.assert_array_equal(data.images_of(place)[0], image)
    assert data.digest == tfvae.data.ImageData("x", every(data)).digest


def test_factors_that_do_not_form_a_grid(tmp_path):
    values = RNG.random((6, 2))
    np.savez_compressed(tmp_path / "x.npz", images=COLOUR, factors=values)
    data = arrays.load(tmp_path / "x.npz", cache=tmp_path)
    assert isinstance(data.factors, FactorTable)
    assert (data.factors.names, data.factors.continuous) == (("factor_0", "factor_1"), (True, True))
    np.testing.assert_array_equal(data.factors.values_of(np.arange(6)), values)
    np.testing.assert_array_equal(every(data), COLOUR)


def test_published_dsprites_is_put_in_its_order_and_its_pickle_is_not_read(tmp_path):
    small = FactorSpace(dsprites.FACTORS.names, tuple(values[:2] for values in dsprites.FACTORS.values))
    shuffled = RNG.permutation(len(small))
    classes = small.to_factors(shuffled)
    np.savez_compressed(
        tmp_path / "dsprites.npz",
        metadata=np.array({"never": "read"}, dtype=object),
        imgs=dsprites.draw(classes)[..., 0] // 255,
        latents_classes=classes,
        latents_values=small.values_of(shuffled),
    )
    data = arrays.load(tmp_path / "dsprites.npz", cache=tmp_path)
    assert data.factors.sizes == (1, 2, 2, 2, 2, 2)
    np.testing.assert_array_equal(every(data), dsprites.draw(small.to_factors(np.arange(len(small)))))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"pictures": COLOUR}, r"Expected an array 'images'.*\['pictures'\]"),
        ({"images": COLOUR[0, 0]}, r"Expected vectors of dtype float.*uint8"),
        ({"images": COLOUR[:0]}, r"none of them 0.*\(0, 16, 16, 3\)"),
        ({"images": COLOUR.astype(np.int64)}, r"dtype uint8, bool or float.*int64.*astype\(np.uint8\)"),
        ({"images": COLOUR / 1.0}, r"in \[0, 1\].*divide by 255.*maximum=255"),
        ({"images": np.where(COLOUR > 250, np.nan, 0.5)}, r"without NaN.*minimum=nan"),
        ({"images": COLOUR / -255}, r"in \[0, 1\].*minimum=-1"),
        ({"images": np.array([[[None]]])}, "Python objects, which are not read"),
        ({"images": COLOUR, "factors": GRID[:5]}, "each of 6 images;.* factors=false .*Received: 5 rows"),
        (
            {"images": COLOUR, "labels": COLOUR},
            r"labels of shape \[N\] or \[N, K\]; .* factors=false .*\(6, 16, 16, 3\)",
        ),
        ({"images": COLOUR, "factors": GRID[:, 0]}, r"factors of shape \[N, K\].*\(6,\)"),
        ({"images": COLOUR, "factors": GRID * [np.nan, 1]}, "Expected finite values"),
        ({"images": COLOUR, "factors": GRID, "factor_names": np.array(["one"])}, "factor_names to be 2 strings"),
    ],
)
def test_wrong_content(tmp_path, content, message):
    np.savez_compressed(tmp_path / "x.npz", **content)
    with pytest.raises(ValueError, match=message) as info:
        arrays.load(tmp_path / "x.npz", cache=tmp_path / "cache")
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("name", ["x.npz", "x.npy"])
def test_missing_broken_and_other_files(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"Expected a \.npz, \.npy or HDF5 file\. Received: no file at"):
        arrays.load(tmp_path / name)
    (np.savez if name.endswith("z") else np.save)(tmp_path / name, COLOUR)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"cut off"):
        arrays.load(tmp_path / name, cache=tmp_path / "cache")
    (tmp_path / name).write_text("text")
    with pytest.raises(ValueError, match="which is none"):
        arrays.load(tmp_path / name)
