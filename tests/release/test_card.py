import pytest

from tfvae.experiment import Experiment
from tfvae.models.build import build_model
from tfvae.release.card import _networks, _training

CASES = {
    "vae": (Experiment("vae"), "64 images a step, Adam 0.0001 (0.9, 0.999), seed 0"),
    "qlae": (Experiment("qlae"), "128 images a step, Adam 0.001 (0.9, 0.999) with a weight decay of 0.1, seed 0"),
    "without decay": (
        Experiment("qlae", optimizers={"optimizer": {"learning_rate": 0.01}}, seed=3),
        "128 images a step, Adam 0.01 (0.9, 0.999), seed 3",
    ),
    "discriminator": (
        Experiment("factor_vae", optimizers={"discriminator_optimizer": {"learning_rate": 0.5}}, batch_size=32),
        "32 images a step, Adam 0.0001 (0.9, 0.999), discriminator Adam 0.5 (0.9, 0.999), seed 0",
    ),
    "pairs": (Experiment("ada_gvae"), "64 pairs of images a step, Adam 0.0001 (0.9, 0.999), seed 0"),
    "precision": (
        Experiment("vae", precision="mixed_bfloat16"),
        "64 images a step, Adam 0.0001 (0.9, 0.999), seed 0, mixed_bfloat16",
    ),
}


@pytest.mark.parametrize(("experiment", "text"), CASES.values(), ids=CASES)
def test_the_training_is_described_as_it_is_built(experiment, text):
    assert _training(experiment) == text
    model = build_model(experiment, (16, 16, 1))
    for name in experiment.optimizers:
        adam = getattr(model, name)
        assert f"{float(adam.learning_rate.numpy()):g} ({adam.beta_1:g}, {adam.beta_2:g})" in text
        assert (adam.weight_decay is None) == ("weight decay" not in text)


ARCHITECTURES = {
    "table_2": "Table 2 of Kim & Mnih (2018): ",
    "style": 'architecture "style": ',
    "dense": 'architecture "dense": ',
}


@pytest.mark.parametrize(("architecture", "text"), ARCHITECTURES.items())
def test_only_tables_are_the_papers(architecture, text):
    assert _networks(architecture) == text
