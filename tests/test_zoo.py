import shutil

import keras
import numpy as np
import pytest

from tfvae import zoo
from tfvae.experiment import Experiment
from tfvae.export import export_decoder, export_encoder
from tfvae.models.base import Model

IMAGES = np.random.default_rng(0).random((2, 4, 4, 1), dtype=np.float32)


class Constant(Model):
    """A model whose networks give the same for all inputs."""

    decoding_network = "decoder"

    def representation(self, parameters):
        return {"mean": parameters[:, :1]}

    def decode(self, codes):
        return self.decoder(codes)


def add_experiment(root, name, seed=0):
    (root / "zoo" / name).mkdir(parents=True)
    Experiment(model="vae", seed=seed).save(root / "zoo" / name / "experiment.json")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A zoo of one entry, "b", whose version v always returns the mean v, and of experiments without a release."""
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
        export_encoder(Constant({"encoder": encoder}), root / "saved_models" / "b" / str(version))
    (root / "saved_models" / "b" / ".11.1.tmp").mkdir()
    return root


def test_an_entry_has_an_experiment_scores_and_an_encoder(root):
    assert zoo.names(root=root) == ["b"]
    assert zoo.experiments(root=root) == ["a", "b", "scored_alone"]
    assert zoo.load_scores("b", root=root)["mig"]["score"] == 0.5
    assert zoo.names(root=root / "nothing") == zoo.experiments(root=root / "nothing") == []


def test_an_experiment_is_loaded_by_name(root):
    assert zoo.load_experiment("b", root=root) == Experiment(model="vae", seed=7)
    assert zoo.load_experiment("a", root=root) == Experiment(model="vae", seed=0)


@pytest.mark.parametrize(("version", "mean"), [(None, 10), (2, 2), (10, 10)])
def test_an_encoder_is_the_newest_version_or_the_given_one(root, version, mean):
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
    for version in (True, 2.0):
        with pytest.raises(ValueError, match=rf"one of \[2, 10\]. Received: version={version}"):
            zoo.load_encoder("b", version, root=root)
    with pytest.raises(ValueError, match=r"one of \[2, 10\]. Received: version=11"):
        zoo.load_encoder("b", 11, root=root)


def test_the_entries_of_an_installed_wheel_come_first(root, tmp_path, monkeypatch):
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


def test_a_decoder_is_the_newest_version_or_the_given_one(root, tmp_path):
    with pytest.raises(ValueError, match=r"with an exported decoder. Received: name='b', without one in .*b-decoder"):
        zoo.load_decoder("b", root=root)
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    for version in (1, 12):
        start = {"kernel_initializer": "zeros", "bias_initializer": keras.initializers.Constant(version)}
        decoder = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(16, **start), keras.layers.Reshape((4, 4, 1))]
        )
        model = Constant({"encoder": keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])})
        model.decoder = decoder
        export_decoder(model, tmp_path / "saved_models" / "b-decoder" / str(version))
    assert zoo.names(root=tmp_path) == ["b"]
    for version, grey in ((None, 12), (1, 1), (12, 12)):
        images = zoo.load_decoder("b", version, root=tmp_path)(np.zeros((2, 3)))
        np.testing.assert_array_equal(images, np.full((2, 4, 4, 1), grey))
    with pytest.raises(ValueError, match=r"one of \[1, 12\]. Received: version=10"):
        zoo.load_decoder("b", 10, root=tmp_path)
    with pytest.raises(ValueError, match=r"Expected codes of shape \[B, 3\]"):
        zoo.load_decoder("b", root=tmp_path)(np.zeros((2, 4)))
    damage(tmp_path / "saved_models" / "b-decoder" / "12" / "saved_model.pb")
    with pytest.raises(ValueError, match=r"b-decoder/12/saved_model.pb as manifest.json describes it"):
        zoo.load_decoder("b", root=tmp_path)


@pytest.mark.parametrize("name", ["variables/variables.data-00000-of-00001", "assets.extra/provenance.json"])
def test_a_changed_byte_is_refused_with_the_name_of_its_file(root, tmp_path, name):
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    damage(tmp_path / "saved_models" / "b" / "10" / name)
    with pytest.raises(ValueError, match=rf"b/10/{name} as manifest.json describes it, .* get the folder again"):
        zoo.load_encoder("b", root=tmp_path)
    np.testing.assert_array_equal(zoo.load_encoder("b", 2, root=tmp_path)(IMAGES)["mean"], [[2], [2]])


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
