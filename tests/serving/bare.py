"""The answers of exports in a process without tfvae, Keras and TensorFlow Probability, by both of TensorFlow's loaders.

Run as `python bare.py SAVED_MODELS OUT`: writes {"<name>/<version>": [(signature, inputs, outputs), ...]} as a pickle.
Its inputs follow from the signatures alone. Then come the warm-up requests, read with the protocol's own classes.
"""

import pickle
import sys
from pathlib import Path

for name in ("tfvae", "keras", "tf_keras", "tensorflow_probability"):
    sys.modules[name] = None  # an import of it fails

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog  # noqa: E402


def two_rows(name, spec):
    size, rng = [2 if n is None else n for n in spec.shape], np.random.default_rng(0)
    if spec.dtype == tf.string:
        pixels = np.uint8(rng.integers(0, 256, (48, 64, 3)))
        return np.array([encode(pixels).numpy() for encode in (tf.io.encode_png, tf.io.encode_jpeg)], object)
    if name == "category":
        return np.eye(*size, dtype=np.float32)
    if spec.dtype.is_floating:
        return rng.random(size, dtype=np.float32)
    return rng.integers(0, 2, size).astype(spec.dtype.as_numpy_dtype)


def warm_up_requests(path):
    if path.exists():
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            log = PredictionLog.FromString(record)
            assert log.WhichOneof("log_type") == "predict_log"
            inputs = {key: tf.make_ndarray(value) for key, value in log.predict_log.request.inputs.items()}
            yield log.predict_log.request.model_spec.signature_name, inputs


def answers(path):
    loaded, found = tf.saved_model.load(str(path)), []
    requests = [
        (name, {key: two_rows(key, spec) for key, spec in signature.structured_input_signature[1].items()})
        for name, signature in loaded.signatures.items()
    ]
    requests += warm_up_requests(path / "assets.extra" / "tf_serving_warmup_requests")
    by_load = [loaded.signatures[name](**{k: tf.constant(v) for k, v in inputs.items()}) for name, inputs in requests]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        served = tf.compat.v1.saved_model.load(session, ["serve"], str(path)).signature_def
        for (name, inputs), expected in zip(requests, by_load, strict=True):
            tensors = {key: tensor.name for key, tensor in served[name].outputs.items()}
            outputs = session.run(tensors, {served[name].inputs[key].name: value for key, value in inputs.items()})
            assert outputs.keys() == expected.keys(), (path, name)
            for key, value in outputs.items():
                assert np.isfinite(value).all(), (path, name, key)
                np.testing.assert_allclose(expected[key], value, atol=1e-5, rtol=0, err_msg=f"{path} {name} {key}")
            found.append((name, inputs, outputs))
    return found


paths = sorted(path.parent for path in Path(sys.argv[1]).glob("*/*/saved_model.pb"))
with open(sys.argv[2], "wb") as out:
    pickle.dump({f"{path.parent.name}/{path.name}": answers(path) for path in paths}, out)
