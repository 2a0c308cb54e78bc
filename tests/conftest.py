import gc
import os
from functools import partialmethod

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Off on all processors alike: on those with AVX-512 TensorFlow has it on, and then a replica whose share of a batch is
# empty fails in its convolutions (TensorFlow 2.21).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# Each of pytest's workers would have a thread for each core, which wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# What is compiled and optimised for one step takes longer than the step.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import keras
import pytest
import tensorflow as tf

# Two devices to be replicas on; must come before any op.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
tf.random.set_seed(0)


def pytest_collection_finish():
    """What has been imported stays: the garbage collector need not search it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _collected():
    """What a module of tests leaves behind, as what is traced, need not be searched by those after it."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fixed_seed():
    # All seeds of Keras but TensorFlow's, which no operation of a test reads. To set that one empties TensorFlow's
    # cache of kernels, and to make those of one model again takes as long as two steps.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tf.random, "set_seed", lambda seed: None)
        keras.utils.set_random_seed(0)


@pytest.fixture
def eager(monkeypatch):
    """Models are compiled to run without a graph: for a few steps, tracing is what takes the time."""
    monkeypatch.setattr(keras.Model, "compile", partialmethod(keras.Model.compile, run_eagerly=True))


@pytest.fixture
def untraced(eager):
    """No function is traced, but those that are exported: each would be called once or twice."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def own_registrations():
    """Models and metrics that a test registers are gone after it."""
    from tfvae.metrics import METRICS, QUICK
    from tfvae.models import MODELS

    registries = METRICS, QUICK, MODELS
    before = [dict(each) for each in registries]
    yield
    for registry, entries in zip(registries, before, strict=True):
        registry.clear()
        registry.update(entries)


@pytest.fixture(scope="module")
def few_draws():
    """Metrics whose parameters are `QUICK` draw little."""
    # Not at the top of this file: devices are set before tfvae is imported.
    from tests import tiny
    from tfvae.metrics import QUICK

    with pytest.MonkeyPatch.context() as patched:
        for name in QUICK:
            patched.setitem(QUICK, name, tiny.QUICK.get(name, {"samples": 48, "repeats": 2}))
        yield


@pytest.fixture(scope="session")
def mirrored():
    # One per process: the collectives of a second MirroredStrategy would clash with those of the first.
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def copying():
    """Two replicas as those of `mirrored`, without collectives: eagerly, TensorFlow traces each of their gathers."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice())
