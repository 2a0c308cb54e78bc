import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.optimizers import Adam

ARGUMENTS = {"learning_rate": 3e-3, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-6}


@pytest.mark.parametrize("more", [{}, {"amsgrad": True}, {"weight_decay": 0.1}, {"clipnorm": 0.5}], ids=str)
def test_equals_keras_adam(more):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(5, 3)).astype(np.float32)
    variables = [keras.Variable(start) for _ in range(2)]
    optimizers = [cls(**ARGUMENTS, **more) for cls in (Adam, keras.optimizers.Adam)]
    for step in range(5):
        gradient = tf.constant(rng.normal(size=start.shape, scale=10.0**-step), tf.float32)
        for optimizer, variable in zip(optimizers, variables, strict=True):
            optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(*(variable.numpy() for variable in variables), atol=1e-6)
    for mine, theirs in zip(*(optimizer.variables for optimizer in optimizers), strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-7, err_msg=mine.name)


def test_a_checkpoint_of_keras_adam_fits(tmp_path):
    images = tiny.images(16)
    models = [tiny.make(optimizers=_optimizers(cls)) for cls in (keras.optimizers.Adam, Adam)]
    models[0].train_on_batch(images)
    checkpoints = [tf.train.Checkpoint(**{n: getattr(m, n) for n in (*m.networks, *m.optimizers)}) for m in models]
    checkpoints[1].read(checkpoints[0].write(str(tmp_path / "step"))).assert_consumed()
    for model in models:
        model.train_on_batch(images)
    np.testing.assert_allclose(tiny.weights(models[0]), tiny.weights(models[1]), atol=1e-6)
    np.testing.assert_allclose(tiny.optimizer_state(models[0]), tiny.optimizer_state(models[1]), rtol=1e-4, atol=1e-6)


def _optimizers(cls):
    return {"optimizer": cls(1e-2), "discriminator_optimizer": cls(1e-2, beta_1=0.5, beta_2=0.9)}
