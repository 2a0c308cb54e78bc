import dataclasses
import json
import os

import pytest

from tfvae.experiment import Experiment

# No value is the default.
OTHER = {
    "model": "beta_vae",
    "parameters": {"beta": 4.0},
    "data": "tfds:dsprites",
    "architecture": "table_2",
    "latent_dim": 6,
    "discriminator": {"depth": 3, "units": 50},
    "optimizers": {"optimizer": {"learning_rate": 0.25}},
    "batch_size": 32,
    "steps": 70,
    "log_every": 5,
    "checkpoint_every": 35,
    "seed": 9,
    "precision": "mixed_bfloat16",
    "jit_compile": True,
}


def test_defaults_are_the_papers():
    experiment = Experiment()
    assert (experiment.model, experiment.parameters, experiment.latent_dim) == ("factor_vae", {"gamma": 35.0}, 10)
    assert experiment.discriminator == {"depth": 6, "units": 1000}
    assert experiment.optimizers == {
        "optimizer": {"learning_rate": 1e-4, "beta_1": 0.9, "beta_2": 0.999},
        "discriminator_optimizer": {"learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9},
    }
    # B and B' of 64 images each.
    assert experiment.batch_size == 64 + 64
    assert (experiment.data, experiment.architecture, experiment.steps) == ("dsprites", "table_1", 300_000)


def test_json_gives_back_every_field(tmp_path):
    default = dataclasses.asdict(Experiment())
    assert set(OTHER) == set(default)
    assert all(OTHER[key] != default[key] for key in default)
    path = tmp_path / "runs" / "experiment.json"
    Experiment(**OTHER).save(path)
    assert json.loads(path.read_text()) == OTHER
    assert Experiment.load(path) == Experiment(**OTHER)
    assert os.listdir(path.parent) == ["experiment.json"]


def test_absent_keys_have_their_defaults(tmp_path):
    path = tmp_path / "experiment.json"
    path.write_text('{"steps": 5}')
    assert Experiment.load(path) == Experiment(steps=5)


def test_defaults_are_not_shared(tmp_path):
    Experiment().parameters["gamma"] = 1.0
    Experiment().optimizers["optimizer"]["learning_rate"] = 1.0
    assert Experiment().parameters == {"gamma": 35.0}
    assert Experiment().optimizers["optimizer"]["learning_rate"] == 1e-4


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"gama": 35.0, "steps": 5}', r"among \[.*'model'.*\]. Received: \['gama'\]"),
        ("{steps: 5}", "JSON"),
        ("", "JSON"),
        ("[1, 2]", "JSON object.* a list"),
        ("null", "JSON object"),
        ('{"steps": 0}', "steps.* at least 1. Received: steps=0"),
    ],
)
def test_what_is_no_experiment_is_refused_with_its_path(text, named, tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=named) as raised:
        Experiment.load(path)
    assert str(path) in str(raised.value)


def test_bytes_and_folders_are_refused(tmp_path):
    path = tmp_path / "wrong.json"
    path.write_bytes(b"\xff\xfe\x00")
    for wrong in (path, tmp_path):
        with pytest.raises(ValueError, match="JSON file") as raised:
            Experiment.load(wrong)
        assert str(wrong) in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "none.json")):
        Experiment.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "wrong",
    [
        *[{name: value} for name in ("latent_dim", "batch_size", "steps", "log_every") for value in (0, -1, 2.5, "3")],
        {"checkpoint_every": 0},
        {"checkpoint_every": True},
        {"checkpoint_every": 150},
        {"seed": -1},
        {"seed": 2**20},
        {"seed": 0.5},
        {"seed": True},
        {"seed": None},
        {"precision": "float15"},
        {"precision": 16},
        {"jit_compile": "yes"},
        {"model": None},
        {"parameters": [35.0]},
        {"parameters": None},
        {"optimizers": {"optimizer": 1e-4}},
        {"optimizers": "adam"},
        {"discriminator": 6},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_named(wrong):
    (key, value), *_ = wrong.items()
    with pytest.raises(ValueError, match=rf"{key}.*Received: .*{key}={value!r}".replace("[", r"\[")):
        Experiment(**wrong)


def test_differences_are_those_that_change_what_is_computed():
    here = Experiment(seed=1, steps=10)
    assert here.differences(dataclasses.replace(here, steps=20, log_every=7, checkpoint_every=14)) == []
    assert sorted(here.differences(dataclasses.replace(here, seed=2, latent_dim=3))) == ["latent_dim", "seed"]
