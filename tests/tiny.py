"""Networks, data and models so small that a test waits for TensorFlow's tracing alone."""

import inspect
import math
from contextlib import nullcontext
from functools import cache, partial

import keras
import numpy as np
import pytest
from keras import layers

from tfvae.data.images import ImageData
from tfvae.experiment import Experiment
from tfvae.models import MODELS, Model
from tfvae.models.weights import Weight
from tfvae.networks import Quantizer
from tfvae.networks import gan as gan_networks
from tfvae.networks import vae as networks
from tfvae.networks.optimizers import Adam

SHAPE, DIM = (4, 4, 1), 3


def encoder(dtype=None, shape=SHAPE, dim=DIM, outputs=None):
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Flatten(dtype=dtype),
            layers.Dense(8, activation="relu", kernel_initializer=_init(1), dtype=dtype),
            layers.Dense(2 * dim if outputs is None else outputs, kernel_initializer=_init(2), dtype="float32"),
        ],
        name="encoder",
    )


def decoder(dtype=None, shape=SHAPE, dim=DIM):
    return keras.Sequential(
        [
            keras.Input((dim,)),
            layers.Dense(8, activation="relu", kernel_initializer=_init(3), dtype=dtype),
            layers.Dense(math.prod(shape), kernel_initializer=_init(4), dtype="float32"),
            layers.Reshape(shape, dtype="float32"),
        ],
        name="decoder",
    )


def discriminator(dtype=None, dim=DIM):
    return networks.discriminator(dim, depth=1, units=8, dtype=dtype)


GAN_SIZES = gan_networks.Architecture(((4, 2),), 8, 6, 8, 4, (), True)


def gan_encoder(dtype=None, shape=SHAPE, outputs=DIM + 10, critic=False):
    return gan_networks.encoder(shape, outputs, GAN_SIZES, critic=critic, dtype=dtype)


def gan_generator(dtype=None, shape=SHAPE, inputs=DIM + 10 + 62):
    return gan_networks.generator(shape, inputs, GAN_SIZES, seed=1, dtype=dtype)


def gan_discriminator(dtype=None):
    return gan_networks.discriminator(8, seed=2, dtype=dtype)


NETWORKS = {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}
# Of models whose networks have other sizes: InfoGAN's are those of 10 categories and 62 noise variables, the defaults.
OWN_NETWORKS = {
    "anica": {"encoder": partial(encoder, outputs=DIM)},
    "qlae": {"encoder": partial(encoder, outputs=DIM)},
    "joint_factor_vae": {  # 2 Gaussian latents and one of 3 categories
        "encoder": partial(encoder, outputs=2 * 2 + 3),
        "decoder": partial(decoder, dim=2 + 3),
        "discriminator": partial(discriminator, dim=2 + 3),
    },
    "info_gan": {"encoder": gan_encoder, "generator": gan_generator, "discriminator": gan_discriminator},
    "info_wgan_gp": {
        "encoder": partial(gan_encoder, critic=True),
        "generator": gan_generator,
        "discriminator": gan_discriminator,
    },
}
# The parameters of each model in tests over all MODELS; the likelihoods, which all VAEs have, are spread over them.
PARAMETERS = {
    "factor_vae": {"gamma": 5.0},
    "beta_vae": {"beta": 3.0, "likelihood": "gaussian"},
    "dip_vae_i": {"lambda_od": 2.0, "lambda_d": 5.0, "likelihood": "continuous_bernoulli"},
    "dip_vae_ii": {"lambda_od": 2.0, "lambda_d": 5.0, "likelihood": "gaussian", "scale": 0.5},
    "beta_tc_vae": {"alpha": 0.5, "beta": 3.0, "gamma": 2.0, "dataset_size": 48, "stratified": True},
    "batch_tc_vae": {"gamma": 2.0},
    "annealed_vae": {"gamma": 3.0, "c_max": 2.0, "annealing_steps": 4},
    "hfs_beta_vae": {"beta": 2.0, "support_weight": 3.0, "likelihood": "gaussian"},
    "hfs_beta_tc_vae": {"beta": 3.0, "support_weight": 3.0, "dataset_size": 48},
    "ada_gvae": {"beta": 2.0},
    "ada_ml_vae": {"beta": 2.0, "likelihood": "gaussian"},
    "information_dropout": {"beta": 2.0, "max_alpha": 0.5},
    "prior_factor_vae": {"gamma": 5.0},
    "aae": {"gamma": 5.0},
    "anica": {"gamma": 5.0},
    "qlae": {"num_values": 4, "quantization_weight": 0.5, "commitment_weight": 0.25},
    "joint_factor_vae": {"gamma": 5.0, "temperature": 0.5, "warmup_steps": 3},
    "info_gan": {"mutual_information_weight": 0.5},
    "info_wgan_gp": {"n_critic": 2},
}

# Parameters of metrics for 48 images or more: each gives a number, and all of them take a second.
QUICK = {
    "beta_vae": {"pairs": 2, "train": 20, "evaluation": 10, "repeats": 2},
    "dci": {"train": 30, "test": 18, "trees": 2},
    "downstream": {"labels": (30,), "test": 18, "trees": 2},
    "explicitness": {"train": 30, "test": 18, "repeats": 2},
    "factor_vae": {"votes": 20, "evaluation_votes": 20, "batch": 8, "scale_samples": 48, "repeats": 2},
    "predictability": {"train": 30, "test": 18, "repeats": 2},
    "reduced_downstream": {"train": 30, "test": 18, "trees": 2},
    "sap": {"train": 30, "test": 18, "repeats": 2},
    "unfairness": {"train": 30, "test": 18, "trees": 2},
}


def make(name="factor_vae", *, scope=nullcontext, dtype=None, optimizers=None, compiled=None, **parameters):
    """A model by name, always with the same initial weights, compiled.

    Args:
        scope: of the strategy.
        optimizers: instead of Adam with 1e-3 for each.
        compiled: further arguments of compile.
    """
    with scope():
        cls = MODELS[name]
        model = cls(**networks_of(name, dtype), dtype=dtype, **parameters)
        if optimizers is None:
            optimizers = {key: Adam(**default | {"learning_rate": 1e-3}) for key, default in cls.optimizers.items()}
        model.compile(**optimizers, **(compiled or {}))
    return model


def one_of_each(*names):
    """Names of models, one for each implementation of these methods, or for each value of other attributes."""
    found = {}
    for name, cls in MODELS.items():
        found.setdefault(tuple(id(inspect.getattr_static(cls, each, None)) for each in names), name)
    return list(found.values())


# What a class may define for its training alone.
_OF_TRAINING = {
    *("__init__", "get_config", "architectures", "compile", "logged", "loss_terms", "network_makers", "optimizers"),
    *("adversary", "aggregate_log_densities", "batch_multiple", "batch_size_of", "batches", "capacity", "covariance"),
    *("default_batch_size", "discriminator_sizes", "networks", "other_codes", "paired", "terms", "test_step"),
    *("train_step", "trained_networks"),
}


def by_representation():
    """A parameter for each of MODELS, marked as slow where a model before it encodes and decodes as it does.

    Two models do if their classes differ in nothing but what `_OF_TRAINING` names, and weights of objectives, and if
    `PARAMETERS` gives them the same likelihood. For tests of what comes after the training, as exports.
    """
    found = set()
    for name, cls in MODELS.items():
        given = {key for each in cls.__mro__ if issubclass(each, Model) for key in vars(each)}
        given -= {key for key in given if isinstance(inspect.getattr_static(cls, key), Weight)} | _OF_TRAINING
        own = {(key, id(inspect.getattr_static(cls, key))) for key in given - {"__module__", "__doc__"}}
        own = frozenset(own | {("likelihood", PARAMETERS.get(name, {}).get("likelihood"))})
        yield pytest.param(name, marks=pytest.mark.slow) if own in found else name
        found.add(own)


def networks_of(name, dtype=None):
    """The networks of a model by name, always with the same initial weights."""
    makers = NETWORKS | OWN_NETWORKS.get(name, {})
    return {network: makers[network](dtype) for network in MODELS[name].networks}


@cache
def _shared(name):
    return networks_of(name)


def shared_networks_of(name):
    """The same, made once in a process: for tests that wrap them or have a model refuse them, and train none."""
    return dict(_shared(name))


def images(n, seed=0, shape=SHAPE):
    """Float32 [n, H, W, C] in [0, 1]: black, white and grey."""
    return np.clip(np.random.default_rng(seed).normal(0.5, 0.5, (n, *shape)), 0, 1).astype(np.float32)


def examples(model, images):
    """What the `fit` of a model, by name or class, takes: images [N, ...], or [N, 2, ...], each with the one before."""
    paired = (MODELS[model] if isinstance(model, str) else model).paired
    return np.stack([images, np.roll(images, 1, axis=0)], axis=1) if paired else images


def weights(model, *names):
    """All weights of the model, or of the named networks, as one vector."""
    values = [value for name in names or model.networks for value in _values(model, name)]
    if not names:
        values += [keras.ops.convert_to_numpy(variable) for variable in model.own_variables]
    return np.concatenate([value.ravel() for value in values])


def without_noise(model):
    """Takes all randomness out of a model, but of what its discriminator learns from.

    Its posterior variance is exp(-30), so that codes are means, up to 1e-6; a category is certain, up to exp(-60).
    Where the encoder learns from permutations, the discriminator cannot tell them apart.
    """
    if isinstance(model.encoder.layers[-1], Quantizer):
        return model  # which has none
    kernel, bias = model.encoder.layers[-1].get_weights()
    dim = model.representation(bias[np.newaxis])["mean"].shape[-1]
    kernel[:, dim:], bias[dim:] = 0, -30
    bias[2 * dim : 2 * dim + 1] = 30
    model.encoder.layers[-1].set_weights([kernel, bias])
    if "jensen_shannon" in model.logged:
        model.discriminator.layers[-1].set_weights([0 * w for w in model.discriminator.layers[-1].get_weights()])
    return model


def optimizer_state(model):
    """The variables of all optimizers of the model, as one vector."""
    optimizers = [getattr(model, name) for name in model.optimizers]
    return np.concatenate(
        [np.ravel(keras.ops.convert_to_numpy(variable)) for optimizer in optimizers for variable in optimizer.variables]
    )


class Blobs(ImageData):
    """Images uint8 [N, 16, 16, 1] of discs, of which nothing is known.

    Args:
        before: is called with the number of calls so far, each time that images are asked for.
    """

    def __init__(self, n=40, before=lambda calls: None):
        y, x = np.mgrid[:16, :16]
        centres = np.random.default_rng(0).uniform(3, 13, (n, 2, 1, 1))
        inside = (y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2 < 9
        super().__init__("blobs", np.uint8(255 * inside[..., np.newaxis]))
        self.before = before
        self.calls = 0

    def images(self, indices):
        self.before(self.calls)
        self.calls += 1
        return super().images(indices)


def experiment(**changes):
    """FactorVAE on `Blobs`, 8 steps of 8 images, with dense networks, which are traced in half of the time."""
    values = {
        "model": "factor_vae",
        "architecture": "dense",
        "latent_dim": 2,
        "discriminator": {"depth": 1, "units": 8},
        "optimizers": {"optimizer": {"learning_rate": 1e-3}, "discriminator_optimizer": {"learning_rate": 1e-3}},
        "parameters": {"gamma": 5.0},
        "batch_size": 8,
        "steps": 8,
        "log_every": 2,
        "checkpoint_every": 4,
    }
    return Experiment(**(values | changes))


def _init(seed):
    return keras.initializers.GlorotUniform(seed=seed)


def _values(model, name):
    return [keras.ops.convert_to_numpy(weight) for weight in getattr(model, name).weights]
