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
    "start_from": "factor_vae-dsprites",
    "supervision": {"labels": 100, "weight": 2.0},
}


def test_the_defaults_are_those_that_all_models_share():
    experiment = Experiment("vae")
    assert (experiment.data, experiment.latent_dim, experiment.steps, experiment.seed) == ("dsprites", 10, 300_000, 0)
    # These depend on the model.
    assert (experiment.architecture, experiment.batch_size) == (None, None)
    assert (experiment.parameters, experiment.optimizers, experiment.discriminator) == ({}, {}, {})


def test_json_gives_back_every_field(tmp_path):
    default = dataclasses.asdict(Experiment("vae"))
    assert set(OTHER) == set(default)
    assert all(OTHER[key] != default[key] for key in default)
    path = tmp_path / "runs" / "experiment.json"
    Experiment(**OTHER).save(path)
    assert json.loads(path.read_text()) == OTHER
    assert Experiment.load(path) == Experiment(**OTHER)
    assert os.listdir(path.parent) == ["experiment.json"]


def test_absent_keys_have_their_defaults(tmp_path):
    path = tmp_path / "experiment.json"
    path.write_text('{"model": "vae", "steps": 5}')
    assert Experiment.load(path) == Experiment("vae", steps=5)


def test_experiments_do_not_share_their_defaults():
    Experiment("vae").parameters["gamma"] = 1.0
    Experiment("vae").optimizers["optimizer"] = {"learning_rate": 1.0}
    assert Experiment("vae").parameters == Experiment("vae").optimizers == {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"gama": 35.0, "steps": 5}', r"among \[.*'model'.*\]. Received: \['gama'\]"),
        ("{steps: 5}", "JSON"),
        ("", "JSON"),
        ("[1, 2]", "JSON object.* a list"),
        ("null", "JSON object"),
        ('{"model": "vae", "steps": 0}', "steps.* at least 1. Received: steps=0"),
        ('{"steps": 5}', r"with the key 'model'. Received: \['steps'\]"),
    ],
)
def test_a_file_that_is_not_an_experiment_is_refused_with_its_path(text, named, tmp_path):
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
        {"supervision": 100},
        {"architecture": 1},
        {"latent_dim": 10**9},
        {"batch_size": 10**9},
        {"steps": 10**13},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_named(wrong):
    (key, value), *_ = wrong.items()
    with pytest.raises(ValueError, match=rf"{key}.*Received: .*{key}={value!r}".replace("[", r"\[")):
        Experiment(**{"model": "vae"} | wrong)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (
            '"steps": 1' + "0" * 400,
            r"steps to be an integer of at most 1,000,000,000,000 and at least 1\. .*steps=an integer of 1329 bits",
        ),
        ('"parameters": {"gamma": NaN}', r"parameters\.gamma to be a number that fits into float32.*gamma=nan"),
        ('"parameters": {"gamma": -Infinity}', r"parameters\.gamma=-inf"),
        ('"parameters": {"gamma": 1' + "0" * 400 + "}", r"parameters\.gamma=an integer of 1329 bits"),
        ('"parameters": {"c": [1, {"d": 1e39}]}', r"parameters\.c\.d=1e\+39"),
        ('"parameters": {"categories": 1000000000}', r"parameters\.categories to be at most 65,536"),
        ('"optimizers": {"optimizer": {"learning_rate": -1}}', r"learning_rate to be a number of at least 0.*rate=-1"),
        ('"optimizers": {"optimizer": {"learning_rate": NaN}}', r"optimizers\.optimizer\.learning_rate=nan"),
        (
            '"discriminator": {"units": 1000000000}',
            r"discriminator\.units to be an integer of at most 65,536 .*=1000000000",
        ),
        ('"discriminator": {"depth": 0}', r"discriminator\.depth=0"),
        ('"supervision": {"weight": 2}', r"supervision to have 'labels', and no keys but .*={'weight': 2}"),
        ('"supervision": {"labels": 9, "number": 2}', "Received: supervision={'labels': 9, 'number': 2}"),
        ('"supervision": {"labels": 0.5}', r"supervision\.labels to be an integer .*=0\.5"),
        ('"supervision": {"labels": 9, "weight": -1}', r"weight to be a number of at least 0.*weight=-1"),
    ],
)
def test_a_number_out_of_its_bounds_is_named_with_its_place(wrong, named, tmp_path):
    (tmp_path / "wrong.json").write_text(f'{{"model": "factor_vae", {wrong}}}')
    with pytest.raises(ValueError, match=named) as raised:
        Experiment.load(tmp_path / "wrong.json")
    assert len(str(raised.value)) < 400 + len(str(tmp_path))


def test_numbers_at_their_bounds_are_accepted():
    Experiment("vae", latent_dim=2**16, steps=10**12, seed=2**20 - 1)
    Experiment("vae", parameters={"scale": 3e38, "on": True, "none": None, "text": "nan", "sizes": [1, -2.5]})
    Experiment("vae", optimizers={"optimizer": {"learning_rate": 0, "weight_decay": None}})


def test_differences_are_those_that_change_what_is_computed():
    here = Experiment("vae", seed=1, steps=10)
    assert here.differences(dataclasses.replace(here, steps=20, log_every=7, checkpoint_every=14)) == []
    assert sorted(here.differences(dataclasses.replace(here, seed=2, latent_dim=3))) == ["latent_dim", "seed"]
