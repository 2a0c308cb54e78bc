import subprocess
import sys

import numpy as np
import pytest

import tfvae
from tfvae import data as tfvae_data
from tfvae.data import sources
from tfvae.data.images import ImageData
from tfvae.data.sources import DATASETS, SOURCES, load, register_data

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 2, 2, 1), np.uint8)


@pytest.fixture(autouse=True)
def own_tables(monkeypatch):
    monkeypatch.setattr(sources, "DATASETS", dict(DATASETS))
    monkeypatch.setattr(sources, "SOURCES", dict(SOURCES))


@pytest.mark.parametrize("name", [*DATASETS, *SOURCES])
def test_every_name_leads_to_a_function(name):
    assert callable(sources._function({**DATASETS, **SOURCES}[name]))


def test_a_registered_data_set_is_loaded_by_its_name_with_options():
    @register_data("mine")
    def load_mine(*, level=3):
        return ImageData("mine", np.full((1, 2, 2, 1), level, np.uint8))

    assert load_mine(level=2).images(np.array([0]))[0, 0, 0, 0] == 2
    assert load("mine").images(np.array([0]))[0, 0, 0, 0] == 3
    assert load("mine?level=7").images(np.array([0]))[0, 0, 0, 0] == 7
    assert load("mine", level=9).images(np.array([0]))[0, 0, 0, 0] == 9
    with pytest.raises(
        ValueError, match=r"Expected options of 'mine' out of \['level'\], each once\. Received: 'size'"
    ):
        load("mine?size=3")
    with pytest.raises(ValueError, match=r"each once\. Received: 'level'"):
        load("mine?level=3", level=3)


def test_a_registered_source_reads_what_follows_the_colon():
    received = []

    @tfvae.register_data("mine:")
    def load_from(path, **options):
        received.append((path, options))
        return ImageData(path, PIXELS)

    assert load("mine:a:b/c?size=3&any=x").name == "a:b/c"
    assert received == [("a:b/c", {"size": 3, "any": "x"})]
    with pytest.raises(ValueError, match=r"Expected a data set out of .*'mine:\.\.\.'.*Received: name='mine'"):
        load("mine")


def test_registered_functions_are_found_by_the_public_names():
    assert tfvae.register_data is tfvae_data.register_data is register_data


@pytest.mark.parametrize("name", ["", ":", "a b", "a?b", "a:b", "a::", "1a", "a/b", "é"])
def test_wrong_names_are_refused(name):
    with pytest.raises(ValueError, match="Expected a name of letters"):
        register_data(name)


@pytest.mark.parametrize("name", ["dsprites", "npz:"])
def test_names_that_are_taken_are_refused(name):
    with pytest.raises(ValueError, match=rf"Expected a name that is not taken\. Received: name='{name}'"):
        register_data(name)


def test_something_that_is_not_a_function_is_refused():
    with pytest.raises(TypeError, match=r"Expected a function that returns ImageData\. Received: ndarray"):
        register_data("mine")(PIXELS)
    assert "mine" not in sources.DATASETS


def test_a_result_that_is_not_image_data_is_refused():
    register_data("mine")(lambda: PIXELS)
    with pytest.raises(TypeError, match=r"Expected the loader of 'mine' to return ImageData\. Received: ndarray"):
        load("mine")


def test_neither_importing_nor_loading_imports_tensorflow(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", images=PIXELS, factors=np.arange(4)[:, np.newaxis])
    bits = np.random.default_rng(0).integers(0, 2, (4, 8, 8, 1), np.uint8)
    np.save(tmp_path / "bits.npy", bits)
    program = """
import sys
import tfvae.data
from tfvae.data import FactorSpace, GroundTruthData, ImageData, as_image_data, load, register_data
from tfvae.data.sets import chairs, cars3d, dsprites, faces, folder, shapes3d, variants
import numpy as np

for name in ("x.npz", "bits.npy"):
    data = load(f"npz:{sys.argv[1]}/{name}", cache=sys.argv[1])
    data.scaled(data.random_indices(2, np.random.default_rng(0)))
loaded = {module.partition(".")[0] for module in sys.modules}
print(sorted(loaded & {"tensorflow", "tensorflow_datasets", "keras", "tensorflow_probability"}))
"""
    output = subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True)
    assert output == "[]\n"
