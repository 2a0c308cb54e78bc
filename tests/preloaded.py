"""What takes seconds to import. Nothing here may start a thread or run an operation: processes are forked from it."""

from tfvae.cli import start  # first: it sets the environment that TensorFlow reads  # isort: skip

import gc

import keras
import lightgbm
import matplotlib.pyplot
import sklearn.ensemble
import tensorflow
import tensorflow_probability

# What has been imported stays, as in conftest.py.
gc.collect()
gc.freeze()

__all__ = ["keras", "lightgbm", "matplotlib", "sklearn", "start", "tensorflow", "tensorflow_probability"]
