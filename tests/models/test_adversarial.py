import numpy as np
import pytest
import tensorflow as tf

from tests import reference, tiny
from tfvae.models import AAE, VAE, AdversarialVAE, Anica, FactorVAE, JointFactorVAE, PriorFactorVAE
from tfvae.models.adversarial import permuted, two_batches

X = tiny.images(16)
CLASSES = [FactorVAE, PriorFactorVAE, AAE, JointFactorVAE]


def test_the_models_with_a_discriminator_are_siblings():
    assert [cls.__bases__ for cls in CLASSES] == [(AdversarialVAE,)] * 4
    assert not issubclass(Anica, VAE)
    # All read Algorithm 2 in the same step.
    assert {cls.train_step for cls in CLASSES} == {AdversarialVAE.train_step}


def test_two_batches_are_the_even_and_the_odd_rows():
    even, odd = two_batches(tf.constant(X))
    np.testing.assert_array_equal(even, X[0::2])
    np.testing.assert_array_equal(odd, X[1::2])


def test_blocks_are_permuted_whole():
    z, seed = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32), tf.constant([3, 1])
    keys = tf.random.stateless_uniform([50, 3], seed).numpy()
    np.testing.assert_array_equal(permuted(z, seed, block=3), reference.permute_dims(z, keys[:, [0, 1, 2, 2, 2]]))


@pytest.mark.parametrize("name", ["factor_vae", "joint_factor_vae"])
def test_other_codes_are_those_of_the_second_batch_column_by_column(name):
    model = tiny.make(name)
    others, seeds = tf.constant(X[1::2]), (tf.constant([0, 1]), tf.constant([0, 2]))
    encoded = model.sample(model.posterior(others), seeds[0]).numpy()
    codes = model.other_codes(others, tf.constant(0 * encoded), seeds).numpy()
    np.testing.assert_array_equal(np.sort(codes, axis=0), np.sort(encoded, axis=0))
    assert np.any(codes != encoded)
    # Without a second batch, those of the first.
    codes = model.other_codes(None, tf.constant(encoded), seeds).numpy()
    np.testing.assert_array_equal(np.sort(codes, axis=0), np.sort(encoded, axis=0))


@pytest.mark.parametrize("name", ["prior_factor_vae", "aae"])
def test_other_codes_are_draws_from_the_prior(name):
    model = tiny.make(name)
    seeds = tf.constant([0, 1]), tf.constant([0, 2])
    codes = model.other_codes(None, tf.zeros([4000, tiny.DIM]), seeds).numpy()
    np.testing.assert_array_equal(codes, tf.random.stateless_normal([4000, tiny.DIM], seeds[0]))
    # Of 4,000 draws the mean has a standard error of 0.016, and so has the standard deviation, of 0.011.
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=0.08)
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=0.06)
