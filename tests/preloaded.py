"""What takes seconds to import. Nothing here may start a thread or run an operation: processes are forked from it."""

from tfvae.cli import start  # first: it sets the environment that TensorFlow reads  # isort: skip

import keras
import lightgbm
import matplotlib.pyplot
import sklearn.ensemble
import tensorflow
import tensorflow_probability

__all__ = ["keras", "lightgbm", "matplotlib", "sklearn", "start", "tensorflow", "tensorflow_probability"]
