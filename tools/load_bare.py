"""Loads an exported encoder with TensorFlow alone, as someone would who does not have this library.

  python -m tools.load_bare saved_models/factor_vae-dsprites/4

tfvae, Keras and TensorFlow Probability cannot be imported in this process.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for name in ("tfvae", "keras", "tf_keras", "tensorflow_probability"):
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

if len(sys.argv) != 2 or not tf.saved_model.contains_saved_model(sys.argv[1]):
    sys.exit(f"Error: Expected one argument, the folder of a SavedModel. Received: {sys.argv[1:]}")
encode = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
shape = encode.structured_input_signature[1]["images"].shape
codes = encode(images=tf.zeros([1, *shape[1:]]))
for name, value in sorted(codes.items()):
    print(f"{name} {tuple(value.shape)}: {np.array2string(value.numpy(), precision=2, max_line_width=110)}")
