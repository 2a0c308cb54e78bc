from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tfvae import zoo
from tfvae.experiment import Experiment
from tfvae.export import export_encoder

IMAGES = np.random.default_rng(0).random((2, 4, 4, 1), dtype=np.float32)


def add_experiment(root, name, seed=0):
    (root / "zoo" / name).mkdir(parents=True)
    Experiment(seed=seed).save(root / "zoo" / name / "experiment.json")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A zoo of one entry, "b", whose version v always gives the mean v, and of experiments that are not released."""
    root = tmp_path_factory.mktemp("root")
    add_experiment(root, "b", seed=7)
    add_experiment(root, "a")
    add_experiment(root, "scored_alone")
    (root / "zoo" / "no_experiment").mkdir()
    for name in ("b", "scored_alone", "no_experiment"):
        (root / "zoo" / name / "scores.json").write_text('{"mig": {"score": 0.5}}')
    for version in (2, 10):
        dense = keras.layers.Dense(2, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(version))
        encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), dense])
        model = SimpleNamespace(encoder=encoder, representation=lambda parameters: {"mean": parameters[:, :1]})
        export_encoder(model, root / "saved_models" / "b" / str(version))
    (root / "saved_models" / "b" / ".11.1.tmp").mkdir()
    return root


def test_names_are_what_has_an_experiment_scores_and_an_encoder(root):
    assert zoo.names(root=root) == ["b"]
    assert zoo.experiments(root=root) == ["a", "b", "scored_alone"]
    assert zoo.load_scores("b", root=root)["mig"]["score"] == 0.5
    assert zoo.names(root=root / "nothing") == zoo.experiments(root=root / "nothing") == []


def test_an_experiment_is_loaded_by_name(root):
    assert zoo.load_experiment("b", root=root) == Experiment(seed=7)
    assert zoo.load_experiment("a", root=root) == Experiment(seed=0)


@pytest.mark.parametrize(("version", "mean"), [(None, 10), (2, 2), (10, 10)])
def test_an_encoder_is_the_newest_version_or_the_one_asked_for(root, version, mean):
    encoder = zoo.load_encoder("b", version, root=root)
    np.testing.assert_array_equal(encoder(IMAGES)["mean"], np.full((2, 1), mean))


def test_unknown_names_and_versions_list_the_known_ones(root):
    for name in ("c", "no_experiment", "../zoo/a"):
        with pytest.raises(ValueError, match=rf"one of \['a', 'b', 'scored_alone'\]. Received: name='{name}'"):
            zoo.load_experiment(name, root=root)
    for load in (zoo.load_scores, zoo.load_encoder):
        for name in ("a", "scored_alone"):
            with pytest.raises(ValueError, match=rf"one of \['b'\]. Received: name='{name}'"):
                load(name, root=root)
    with pytest.raises(ValueError, match=r"one of \[2, 10\]. Received: version=11"):
        zoo.load_encoder("b", 11, root=root)


def test_a_wheel_s_own_entries_come_before_what_stands_beside_the_package(root, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "_PACKAGE", root / "tfvae")
    assert zoo.names() == ["b"]
    assert zoo.load_encoder("b").path == root / "saved_models" / "b" / "10"

    package = tmp_path / "site-packages" / "tfvae"
    package.mkdir(parents=True)
    (root / "zoo").rename(package / "zoo_entries")
    (root / "saved_models").rename(package / "zoo_saved_models")
    try:
        add_experiment(package.parent, "of_another_package")
        monkeypatch.setattr(zoo, "_PACKAGE", package)
        assert zoo.names() == ["b"]
        assert zoo.load_encoder("b").path == package / "zoo_saved_models" / "b" / "10"
    finally:
        (package / "zoo_entries").rename(root / "zoo")
        (package / "zoo_saved_models").rename(root / "saved_models")
