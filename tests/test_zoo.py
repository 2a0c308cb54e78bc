from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tfvae import zoo
from tfvae.experiment import Experiment
from tfvae.export import export_encoder

IMAGES = np.random.default_rng(0).random((2, 4, 4, 1), dtype=np.float32)


def add_entry(root, name, seed=0):
    (root / "zoo" / name).mkdir(parents=True)
    Experiment(seed=seed).save(root / "zoo" / name / "experiment.json")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A zoo of two entries; version v of "b" always gives the mean v, so that outputs tell versions apart."""
    root = tmp_path_factory.mktemp("root")
    add_entry(root, "b", seed=7)
    add_entry(root, "a")
    (root / "zoo" / "no_experiment").mkdir()
    for version in (2, 10):
        dense = keras.layers.Dense(2, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(version))
        encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), dense])
        model = SimpleNamespace(encoder=encoder, representation=lambda parameters: {"mean": parameters[:, :1]})
        export_encoder(model, root / "saved_models" / "b" / str(version))
    (root / "saved_models" / "b" / ".11.1.tmp").mkdir()
    return root


def test_names_are_the_folders_with_an_experiment(root):
    assert zoo.names(root=root) == ["a", "b"]
    assert zoo.names(root=root / "nothing") == []


def test_an_experiment_is_loaded_by_name(root):
    assert zoo.load_experiment("b", root=root) == Experiment(seed=7)
    assert zoo.load_experiment("a", root=root) == Experiment(seed=0)


@pytest.mark.parametrize(("version", "mean"), [(None, 10), (2, 2), (10, 10)])
def test_an_encoder_is_the_newest_version_or_the_one_asked_for(root, version, mean):
    encoder = zoo.load_encoder("b", version, root=root)
    np.testing.assert_array_equal(encoder(IMAGES)["mean"], np.full((2, 1), mean))


def test_unknown_names_and_versions_list_the_known_ones(root):
    for load in (zoo.load_experiment, zoo.load_encoder):
        for name in ("c", "no_experiment", "../zoo/a"):
            with pytest.raises(ValueError, match=rf"one of \['a', 'b'\]. Received: name='{name}'"):
                load(name, root=root)
    with pytest.raises(ValueError, match=r"one of \[2, 10\]. Received: version=11"):
        zoo.load_encoder("b", 11, root=root)
    with pytest.raises(ValueError, match=r"an exported encoder. Received: name='a'"):
        zoo.load_encoder("a", root=root)


def test_a_wheel_s_own_entries_come_before_what_stands_beside_the_package(root, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "_PACKAGE", root / "tfvae")
    assert zoo.names() == ["a", "b"]
    assert zoo.load_encoder("b").path == root / "saved_models" / "b" / "10"

    package = tmp_path / "site-packages" / "tfvae"
    package.mkdir(parents=True)
    (root / "zoo").rename(package / "zoo_entries")
    (root / "saved_models").rename(package / "zoo_saved_models")
    try:
        add_entry(package.parent, "of_another_package")
        monkeypatch.setattr(zoo, "_PACKAGE", package)
        assert zoo.names() == ["a", "b"]
        assert zoo.load_encoder("b").path == package / "zoo_saved_models" / "b" / "10"
    finally:
        (package / "zoo_entries").rename(root / "zoo")
        (package / "zoo_saved_models").rename(root / "saved_models")


def test_every_entry_of_the_library_is_complete():
    for name in zoo.names():
        zoo.load_experiment(name)
        for file in ("card.md", "scores.json"):
            assert (zoo._entries(None) / name / file).is_file(), f"zoo/{name} has no {file}"
        assert zoo.load_encoder(name).latent_dim == zoo.load_experiment(name).latent_dim
