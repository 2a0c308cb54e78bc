import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.networks.optimizers import Adam

ARGUMENTS = {"learning_rate": 3e-3, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-6}
MORE = [
    {},
    {"amsgrad": True},
    {"weight_decay": 0.1},
    {"clipnorm": 0.5},
    {"clipvalue": 0.1},
    {"global_clipnorm": 0.5},
    {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2},
    {"loss_scale_factor": 8.0},
    {"learning_rate": keras.optimizers.schedules.ExponentialDecay(1e-2, 2, 0.5)},
]


@pytest.mark.parametrize("more", MORE, ids=lambda more: ",".join(more))
def test_equals_keras_adam(more):
    start, gradients = _start(), _gradients(6)
    variables = [[keras.Variable(array) for array in start] for _ in range(2)]
    optimizers = [cls(**ARGUMENTS | more) for cls in (Adam, keras.optimizers.Adam)]
    for each in gradients:
        for optimizer, own in zip(optimizers, variables, strict=True):
            optimizer.apply([tf.constant(gradient) for gradient in each], own)
    for mine, theirs, before in zip(*variables, start, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-6)
        assert np.abs(mine.numpy() - before).min() > 1e-4
    for mine, theirs in zip(*(optimizer.variables for optimizer in optimizers), strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-7, err_msg=mine.name)


@pytest.mark.parametrize("compiled", [{}, {"jit_compile": True}], ids=["graph", "XLA"])
def test_half_precision_skips_a_step_whose_gradient_overflows(compiled):
    variable = keras.Variable(np.ones(3, np.float32))
    optimizer = keras.optimizers.LossScaleOptimizer(Adam(**ARGUMENTS), initial_scale=4.0)
    optimizer.build([variable])
    apply = tf.function(lambda gradient: optimizer.apply([gradient], [variable]), **compiled)
    apply(tf.fill([3], np.float32(np.inf)))
    np.testing.assert_array_equal(variable.numpy(), 1.0)
    apply(tf.fill([3], 4.0))
    # The first step of Adam is the learning rate, whatever the gradient.
    np.testing.assert_allclose(variable.numpy(), 1 - 3e-3, atol=1e-6)


def test_two_replicas_round_as_one_device_does(mirrored):
    one, *replicas = [*_trained(tf.distribute.get_strategy()), *_trained(mirrored)]
    assert len(replicas) == 2
    for replica in replicas:
        np.testing.assert_array_equal(one, replica)


def test_variables_of_two_types_follow_keras_adam():
    types = ("float32", "float64")
    variables = [[keras.Variable(array, dtype=dtype) for dtype in types for array in _start()] for _ in range(2)]
    optimizers = [cls(**ARGUMENTS) for cls in (Adam, keras.optimizers.Adam)]
    for each in _gradients(3):
        for optimizer, own in zip(optimizers, variables, strict=True):
            optimizer.apply([tf.constant(g, v.dtype) for g, v in zip(each * 2, own, strict=True)], own)
    for mine, theirs in zip(*variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize("replicas", [1, 2])
def test_what_variables_share_is_computed_once_on_each_device(replicas, mirrored):
    strategy = mirrored if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        variables = [keras.Variable(array) for array in _start()]
        optimizer = Adam(**ARGUMENTS)
        optimizer.build(variables)
    gradients = [np.ones_like(array) for array in _start()]
    step = tf.function(lambda: strategy.run(lambda: optimizer.apply([tf.constant(g) for g in gradients], variables)))
    kinds = [operation.type for operation in step.get_concrete_function().graph.get_operations()]
    assert kinds.count("ResourceApplyAdam") == len(variables) * replicas
    assert kinds.count("Pow") == 2 * replicas  # the powers of beta_1 and beta_2


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


def _trained(strategy):
    """For each replica, variables and state after four steps, as one vector."""
    with strategy.scope():
        variables = [keras.Variable(array) for array in _start()]
        optimizer = Adam(**ARGUMENTS)
        optimizer.build(variables)

    @tf.function
    def step(gradients):
        # Divided within the replica, on whose device gradients then are.
        strategy.run(lambda: optimizer.apply([g / strategy.num_replicas_in_sync for g in gradients], variables))

    for gradients in _gradients(4):
        step([tf.constant(gradient) for gradient in gradients])
    copies = [strategy.experimental_local_results(each.value) for each in (*variables, *optimizer.variables)]
    return [np.concatenate([np.ravel(value.numpy()) for value in replica]) for replica in zip(*copies, strict=True)]


def _start():
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(np.float32) for shape in ((5, 3), (3,))]


def _gradients(steps):
    rng = np.random.default_rng(1)
    return [[rng.normal(size=a.shape, scale=10.0**-s).astype(np.float32) for a in _start()] for s in range(steps)]


def _optimizers(cls):
    return {"optimizer": cls(1e-2), "discriminator_optimizer": cls(1e-2, beta_1=0.5, beta_2=0.9)}
