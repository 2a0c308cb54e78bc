import builtins
import csv

import numpy as np
import pytest

import tfvae
from tfvae.codes import Codes
from tfvae.data import FactorTable, GroundTruthData, ImageData

RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(4, 2)).astype(np.float32)
LOG_VARIANCE = RNG.normal(size=(4, 2)).astype(np.float32)
PROBABILITIES = np.float32([[0.2, 0.8], [1, 0], [0.5, 0.5], [0, 1]])
FACTORS = FactorTable(["kind", "age", "z1"], [["dog", 0.1, 1], ["cat", 2, 2], ["dog", 1e-30, 3], ["owl", 4, 3]])
FILES = ("a.png", "b/c, d.png", 'b/"e".png', "ü.png")


@pytest.fixture
def codes():
    data = GroundTruthData("mine", FACTORS, np.zeros((4, 2, 2, 1), np.uint8))
    data.files = FILES
    return Codes.from_arrays(data, MEAN, LOG_VARIANCE, PROBABILITIES)


EXPECTED = {
    "index": [0, 1, 2, 3],
    "file": list(FILES),
    "z0": MEAN[:, 0].tolist(),
    "z1": MEAN[:, 1].tolist(),
    "z0.log_variance": LOG_VARIANCE[:, 0].tolist(),
    "z1.log_variance": LOG_VARIANCE[:, 1].tolist(),
    "category": [1, 0, 0, 1],
    "category.0": PROBABILITIES[:, 0].tolist(),
    "category.1": PROBABILITIES[:, 1].tolist(),
    "kind": ["dog", "cat", "dog", "owl"],
    "age": [0.1, 2, 1e-30, 4],
    "factor.z1": [1, 2, 3, 3],
}


def test_a_frame_has_codes_files_and_factors(codes):
    frame = codes.to_frame()
    assert frame.to_dict("list") == EXPECTED


def test_a_csv_file_has_the_same_columns_without_pandas(codes, tmp_path, monkeypatch):
    real = builtins.__import__

    def without_pandas(name, *arguments):
        if name.partition(".")[0] == "pandas":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    codes.save(tmp_path / "codes.csv")
    with (tmp_path / "codes.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == list(EXPECTED)
    for column, (name, values) in zip(zip(*rows, strict=True), EXPECTED.items(), strict=True):
        assert [np.float32(cell) if name[0] in "zc" else type(values[0])(cell) for cell in column] == values
    with pytest.raises(ImportError, match=r"pip install tfvae\[pandas\]"):
        codes.to_frame()


def test_a_parquet_file_has_the_same_columns(codes, tmp_path):
    from pyarrow import parquet

    codes.save(tmp_path / "codes.parquet")
    assert parquet.read_table(tmp_path / "codes.parquet").to_pydict() == EXPECTED


def test_a_npz_file_is_scored_like_the_codes(codes, tmp_path):
    codes.save(tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz") as found:
        arrays = dict(found)
    np.testing.assert_array_equal(arrays["mean"], MEAN)
    np.testing.assert_array_equal(arrays["log_variance"], LOG_VARIANCE)
    np.testing.assert_array_equal(arrays["probabilities"], PROBABILITIES)
    assert arrays["files"].tolist() == list(FILES)
    again = FactorTable(arrays["factor_names"].tolist(), arrays["factors"])
    assert (again.names, again.labels) == (FACTORS.names, FACTORS.labels)
    every = np.arange(4)
    np.testing.assert_array_equal(again.values_of(every), FACTORS.values_of(every))
    scores = tfvae.metrics.score(arrays["mean"], arrays["factors"], names=arrays["factor_names"], metrics="modularity")
    assert scores["modularity"]["score"] is not None


def test_factors_of_numbers_stay_numbers_in_a_npz_file(tmp_path):
    data = tfvae.data.as_image_data((np.zeros((3, 2, 2, 1)), np.array([[0.1, 1], [2, 3], [4, 5]])))
    Codes.from_arrays(data, MEAN[:3]).save(tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz") as found:
        assert sorted(found) == ["factor_names", "factors", "mean"]
        np.testing.assert_array_equal(found["factors"], [[0.1, 1], [2, 3], [4, 5]])


def test_codes_alone_have_places_and_latents(tmp_path):
    codes = Codes(lambda images: images.mean(axis=(1, 2)), ImageData("mine", np.full((3, 2, 2, 1), 51, np.uint8)))
    assert codes.to_frame().to_dict("list") == {"index": [0, 1, 2], "z0": [np.float32(0.2)] * 3}
    assert codes.encoded == 3


def test_another_suffix_is_refused_before_anything_is_encoded(tmp_path):
    codes = Codes(lambda images: 1 / 0, ImageData("mine", np.zeros((3, 2, 2, 1), np.uint8)))
    for name in ("codes.txt", "codes"):
        with pytest.raises(ValueError, match=rf"\.csv, \.parquet, \.npz\. Received: .*{name}'"):
            codes.save(tmp_path / name)
