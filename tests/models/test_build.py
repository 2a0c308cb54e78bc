import dataclasses
import json
import logging

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tests import tiny
from tfvae import zoo
from tfvae.experiment import Experiment
from tfvae.export import versions
from tfvae.models import MODELS, build_model, completed, create

SHAPE = (16, 16, 1)
each = pytest.mark.parametrize("name", MODELS)
# Of networks made, and trained, in other ways: that each model is built from its name alone, and trains, is in
# tests/training/test_train.py.
of_each_kind = pytest.mark.parametrize(
    "name", tiny.one_of_each("network_makers", "networks", "optimizers", "train_step", "paired")
)

# The published values, as the papers and the docstrings have them.
VAE = {"likelihood": "bernoulli", "scale": None}
ADVERSARIAL = {**VAE, "gamma": 35.0, "warmup_steps": 0}
GAN = {"categories": 10, "noise_dim": 62, "mutual_information_weight": 1.0, "code_stddev": 1.0}
PARAMETERS = {
    "vae": VAE,
    "beta_vae": {**VAE, "beta": 4.0},
    "factor_vae": {**ADVERSARIAL, "standardised": False},
    "dip_vae_i": {**VAE, "lambda_od": 10.0, "lambda_d": 100.0},
    "dip_vae_ii": {**VAE, "lambda_od": 10.0, "lambda_d": 10.0},
    "beta_tc_vae": {
        **VAE, "alpha": 1.0, "beta": 6.0, "gamma": 1.0, "dataset_size": 3 * 6 * 40 * 32 * 32, "stratified": False
    },
    "batch_tc_vae": {**VAE, "gamma": 35.0},
    "annealed_vae": {**VAE, "gamma": 1000.0, "c_max": 25.0, "annealing_steps": 100_000},
    "hfs_beta_vae": {**VAE, "beta": 1.0, "support_weight": 1.0},
    "hfs_beta_tc_vae": {
        **VAE, "alpha": 1.0, "beta": 6.0, "gamma": 1.0, "dataset_size": 737_280, "stratified": False,
        "support_weight": 1.0,
    },
    "ada_gvae": {**VAE, "beta": 1.0},
    "ada_ml_vae": {**VAE, "beta": 1.0},
    "information_dropout": {**VAE, "beta": 1.0, "max_alpha": 0.7},
    "prior_factor_vae": ADVERSARIAL,
    "aae": {**ADVERSARIAL, "gamma": 1.0},
    "anica": {"gamma": 10.0, "likelihood": "bernoulli", "scale": None},
    "qlae": {**VAE, "num_values": 10, "quantization_weight": 0.01, "commitment_weight": 0.01},
    "joint_factor_vae": {**ADVERSARIAL, "categories": 3, "temperature": 2 / 3},
    "info_gan": GAN,
    "info_wgan_gp": {**GAN, "gradient_penalty_weight": 10.0, "n_critic": 5},
}  # fmt: skip
BATCHES = {"factor_vae": 2, "qlae": 2, "joint_factor_vae": 2, "info_wgan_gp": 5}
WITH_SIZES = {"factor_vae", "prior_factor_vae", "aae", "anica", "joint_factor_vae"}


def small(name):
    """Changes that make an experiment's networks small."""
    return {"latent_dim": 2} | ({"discriminator": {"depth": 1, "units": 8}} if name in WITH_SIZES else {})


def config_of(model):
    """The configuration of a model and of its optimizer, but for networks and for names, which Keras counts."""
    config = model.get_config() | model.optimizer.get_config()
    return {key: value for key, value in config.items() if key not in (*model.networks, "name")}


@each
def test_a_name_is_completed_with_the_published_values(name):
    found = completed(Experiment(name))
    assert found.parameters == PARAMETERS[name]
    assert found.architecture == ("table_5" if "gan" in name else "table_1")
    assert found.batch_size == 64 * BATCHES.get(name, 1)
    assert found.discriminator == ({"depth": 6, "units": 1000} if name in WITH_SIZES else {})
    assert found.optimizers == MODELS[name].optimizers
    assert completed(found) == found
    assert Experiment.from_dict(json.loads(json.dumps(dataclasses.asdict(found)))) == found


@of_each_kind
def test_a_name_alone_is_built_and_trained(name):
    model = build_model(Experiment(name, **small(name)), (64, 64, 1))
    assert completed(Experiment(name)).batch_size % model.batch_multiple == 0
    before = tiny.weights(model)
    images = tiny.images(2 * model.batch_multiple, shape=(64, 64, 1))
    logs = model.train_step(tf.constant(tiny.examples(name, images)))
    assert set(logs) == set(model.logged)
    assert np.isfinite(list(logs.values())).all()
    assert np.isfinite(after := tiny.weights(model)).all()
    assert np.any(before != after)


@of_each_kind
def test_create_gives_the_model_of_the_experiment(name):
    parameters = tiny.PARAMETERS.get(name, {})
    changes = small(name) | {"seed": 3, "optimizers": {"optimizer": {"learning_rate": 0.25}}}
    changes |= {"architecture": "dense"} if "dense" in MODELS[name].architectures else {}
    created = create(name, SHAPE, **changes, **parameters)
    built = build_model(Experiment(name, parameters=parameters, **changes), SHAPE)
    np.testing.assert_array_equal(tiny.weights(created), tiny.weights(built))
    configs = [config_of(model) for model in (created, built)]
    assert type(created) is type(built) is MODELS[name]
    assert configs[0] == configs[1]
    assert configs[0].items() >= {**parameters, "seed": 3, "learning_rate": 0.25}.items()
    # Other weights come from another seed.
    assert np.any(tiny.weights(create(name, SHAPE, **changes | {"seed": 4}, **parameters)) != tiny.weights(built))


def test_parameters_are_taken_by_their_own_names_and_as_an_object():
    changes = small("factor_vae")
    model = tfvae.create("factor_vae", SHAPE, **changes, parameters={"warmup_steps": 3, "gamma": 1.0}, gamma=2.0)
    assert (model.gamma, model.warmup_steps) == (2.0, 3)


def test_a_named_optimizer_keeps_exactly_its_arguments():
    given = {"discriminator_optimizer": {"learning_rate": 1e-5}}
    found = completed(Experiment("factor_vae", optimizers=given))
    assert found.optimizers == {**given, "optimizer": {"learning_rate": 1e-4, "beta_1": 0.9, "beta_2": 0.999}}
    model = build_model(dataclasses.replace(found, **small("factor_vae")), SHAPE)
    # Keras's default, where the class's is 0.5.
    assert model.discriminator_optimizer.beta_1 == 0.9


def test_the_critics_batches_are_of_64_images():
    assert completed(Experiment("info_wgan_gp", parameters={"n_critic": 3})).batch_size == 3 * 64
    assert completed(Experiment("info_wgan_gp", batch_size=30)).batch_size == 30


def test_a_discriminator_of_which_one_size_is_given_keeps_the_other():
    assert completed(Experiment("aae", discriminator={"depth": 3})).discriminator == {"depth": 3, "units": 1000}


def test_a_discriminator_that_the_model_lacks_is_left_out(caplog):
    for name in ("vae", "info_gan"):
        # Experiments of all models once had these sizes by default.
        assert completed(Experiment(name, discriminator={"depth": 6, "units": 1000})).discriminator == {}
        assert not caplog.records
    with caplog.at_level(logging.WARNING):
        assert completed(Experiment("vae", discriminator={"depth": 2, "units": 1000})).discriminator == {}
    assert "VAE has no use for discriminator={'depth': 2" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "vea"}, r"one of \['aae', .*'vae'\]. Received: 'vea'"),
        ({"parameters": {"beta": 1.0}}, r"parameters out of \['gamma', .*'warmup_steps'\] for FactorVAE.*\['beta'\]"),
        ({"parameters": {"seed": 1}}, r"parameters out of .*\['seed'\]"),
        ({"parameters": {"encoder": 1}}, r"parameters out of .*\['encoder'\]"),
        ({"optimizers": {"adam": {}}}, r"optimizers out of \['discriminator_optimizer', 'optimizer'\].*\['adam'\]"),
        ({"discriminator": {"width": 3}}, r"discriminator out of \['depth', 'units'\] for FactorVAE.*\['width'\]"),
        ({"architecture": "table_4"}, r"one of \['dense', 'style', 'table_1', .* for FactorVAE.*'table_4'"),
    ],
    ids=str,
)
def test_what_the_class_does_not_take_is_refused_with_what_it_takes(changes, message):
    with pytest.raises(ValueError, match=message):
        completed(Experiment(**{"model": "factor_vae"} | changes))


def test_create_names_both_kinds_of_changes():
    with pytest.raises(ValueError, match=r"\['architecture', .*'gamma'.*Received: \['gama', 'steps'\]"):
        create("factor_vae", SHAPE, gama=3.0, steps=4)
    with pytest.raises(ValueError, match=r"one of \['aae'.* Received: 'vea'"):
        create("vea", SHAPE)


def test_values_of_another_kind_are_refused():
    with pytest.raises(ValueError, match=r"BetaVAE does not take these.*'beta': 'four'"):
        create("beta_vae", SHAPE, beta="four")


def test_an_experiment_with_all_keys_is_the_one_that_names_its_model_alone():
    # As run folders have them: all keys, the discriminator of a model that has none, no parameters but one.
    adam = {"learning_rate": 1e-4, "beta_1": 0.9, "beta_2": 0.999}
    old = {"parameters": {"beta": 4}, "architecture": "table_1", "discriminator": {"units": 1000, "depth": 6}}
    old |= {"optimizers": {"optimizer": adam}, "batch_size": 64, "model": "beta_vae"}
    here, there = completed(Experiment("beta_vae")), completed(Experiment.from_dict(old))
    assert here.differences(there) == []
    assert here.differences(completed(Experiment("beta_vae", parameters={"beta": 5}))) == ["parameters"]


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoos_experiments_are_those_that_their_entries_ran(name):
    folder = zoo.saved_models() / name
    released = folder / str(versions(folder)[-1]) / "assets.extra" / "provenance.json"
    ran = Experiment.from_dict(json.loads(released.read_text())["experiment"])
    there = completed(zoo.load_experiment(name))
    assert there == completed(ran)
    # What the released entry spelled out is now filled in.
    for key in ("architecture", "latent_dim", "optimizers", "batch_size", "steps", "seed", "precision", "jit_compile"):
        assert getattr(there, key) == getattr(ran, key), key
    assert there.parameters.items() >= ran.parameters.items()


@pytest.mark.parametrize("name", zoo.experiments())
def test_the_zoos_experiments_name_nothing_that_their_models_lack(name):
    there = zoo.load_experiment(name)
    assert set(there.discriminator) <= set(MODELS[there.model].discriminator_sizes)
    assert completed(there) == completed(dataclasses.replace(there, discriminator={"depth": 6, "units": 1000}))
