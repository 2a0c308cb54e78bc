import json
from importlib.metadata import version

import pytest

from tests import tiny
from tfvae import zoo
from tfvae.experiment import Experiment
from tfvae.export import Provenance, record_scores, versions
from tfvae.export.provenance import read_provenance
from tfvae.files.manifest import verify_manifest, write_manifest
from tfvae.models.build import completed


def test_known_parts_can_be_read_back():
    experiment = tiny.experiment(seed=7)
    scores = {"mig": {"score": 0.25, "standard_error": 0.125}}
    text = Provenance(experiment, scores, "0a1b").to_json("FactorVAE", "decoder")
    content = json.loads(text)
    assert Experiment(**content["experiment"]) == experiment
    assert content["scores"] == scores
    assert (content["model"], content["network"], content["data_digest"]) == ("FactorVAE", "decoder", "0a1b")
    assert content["versions"] == {name: version(name) for name in ("tfvae", "tensorflow", "keras", "numpy")}
    assert Provenance(experiment, scores, "0a1b").to_json("FactorVAE", "decoder") == text


def test_unknown_parts_are_null():
    content = json.loads(Provenance().to_json("VAE", "encoder"))
    assert [content[name] for name in ("experiment", "scores", "data_digest")] == [None] * 3


def test_scores_are_recorded_once(tmp_path):
    path, scores = tmp_path / "assets.extra" / "provenance.json", {"mig": {"score": 0.25}}
    path.parent.mkdir()
    path.write_text(Provenance(tiny.experiment()).to_json("VAE", "encoder"))
    write_manifest(tmp_path)
    record_scores(tmp_path, scores)
    verify_manifest(tmp_path)
    assert path.read_text() == Provenance(tiny.experiment(), scores).to_json("VAE", "encoder")
    with pytest.raises(FileExistsError, match="has scores, which are not replaced"):
        record_scores(tmp_path, {})

    assert read_provenance(tmp_path)["scores"] == scores
    assert read_provenance(tmp_path / "absent") == {}

    path.write_text(path.read_text().replace("VAE", "AAE"))
    with pytest.raises(ValueError, match=r"provenance\.json.* has changed"):
        record_scores(tmp_path, scores)
    assert sorted(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", zoo.names())
@pytest.mark.parametrize(("suffix", "network"), [("", "encoder"), ("-decoder", "decoder")])
def test_exports_of_the_zoo_name_their_origin(name, suffix, network):
    folder = zoo.saved_models() / f"{name}{suffix}"
    if not (found := versions(folder)):
        pytest.skip(f"{name} has no {network}")
    content = json.loads((folder / str(found[-1]) / "assets.extra" / "provenance.json").read_text())
    assert content["network"] == network
    assert completed(Experiment(**content["experiment"])) == completed(zoo.load_experiment(name))
    assert len(content["data_digest"]) == 64
    # Scores of turned latents may be added to an entry later: they are not this export's.
    assert {**content["scores"], "turned": None} == {**zoo.load_scores(name), "turned": None}
    assert content["scores"]["release"]["version"] == found[-1]


def test_the_users_home_folder_is_left_out(monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    named = {
        "folder:/home/anna/photos?factors=/home/anna/meta.csv&size=32": "folder:~/photos?factors=~/meta.csv&size=32",
        "folder:/home/anna": "folder:~",
        "folder:/home/annabel/photos": "folder:/home/annabel/photos",
        "folder:/backup/home/anna/photos": "folder:/backup/home/anna/photos",
        "npz:relative.npz": "npz:relative.npz",
    }
    for given, expected in named.items():
        experiment = Experiment("vae", data=given, start_from="/home/anna/runs/first")
        written = json.loads(Provenance(experiment).to_json("VAE", "encoder"))["experiment"]
        assert (written["data"], written["start_from"]) == (expected, "~/runs/first")
        assert experiment.data == given
    monkeypatch.setenv("HOME", "/")
    assert "folder:/photos" in Provenance(Experiment("vae", data="folder:/photos")).to_json("VAE", "encoder")
