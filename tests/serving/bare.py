"""The answers of exports in a process without tfvae, Keras and TFP, loaded as by TensorFlow Serving.

Of exports with the same signatures, one is loaded by `tf.saved_model.load` too, as `tfvae.zoo` loads all of them.

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


def two_rows(name, info):
    dtype, rng = tf.as_dtype(info.dtype), np.random.default_rng(0)
    size = [2 if n is None else n for n in tf.TensorShape(info.tensor_shape)]
    if dtype == tf.string:
        pixels = np.uint8(rng.integers(0, 256, (48, 64, 3)))
        return np.array([encode(pixels).numpy() for encode in (tf.io.encode_png, tf.io.encode_jpeg)], object)
    if name == "category":
        return np.eye(*size, dtype=np.float32)
    if dtype.is_floating:
        return rng.random(size, dtype=np.float32)
    return rng.integers(0, 2, size).astype(dtype.as_numpy_dtype)


def warm_up_requests(path):
    if path.exists():
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            log = PredictionLog.FromString(record)
            assert log.WhichOneof("log_type") == "predict_log"
            inputs = {key: tf.make_ndarray(value) for key, value in log.predict_log.request.inputs.items()}
            yield log.predict_log.request.model_spec.signature_name, inputs


def answers(path):
    with tf.Graph().as_default():
        session = tf.compat.v1.Session()
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(path)).signature_def
    served = {name: signature for name, signature in signatures.items() if not name.startswith("__saved_model")}
    requests = [
        (name, {key: two_rows(key, info) for key, info in signature.inputs.items()})
        for name, signature in served.items()
    ]
    requests += warm_up_requests(path / "assets.extra" / "tf_serving_warmup_requests")
    found = []
    for name, inputs in requests:
        tensors = {key: tensor.name for key, tensor in served[name].outputs.items()}
        outputs = session.run(tensors, {served[name].inputs[key].name: value for key, value in inputs.items()})
        assert all(np.isfinite(value).all() for value in outputs.values()), (path, name)
        found.append((name, inputs, outputs))
    return found


def check_other_loader(path, found):
    loaded = tf.saved_model.load(str(path))
    assert set(loaded.signatures) == {name for name, _, _ in found}, path
    for name, inputs, expected in found:
        outputs = loaded.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        assert outputs.keys() == expected.keys(), (path, name)
        for key, value in outputs.items():
            np.testing.assert_allclose(value, expected[key], atol=1e-5, rtol=0, err_msg=f"{path} {name} {key}")


def kind(found):
    """The same for exports with the same signatures."""
    return tuple(
        (name, *((key, value.shape[1:], value.dtype) for values in (inputs, outputs) for key, value in values.items()))
        for name, inputs, outputs in found
    )


paths = sorted(path.parent for path in Path(sys.argv[1]).glob("*/*/saved_model.pb"))
found = {path: answers(path) for path in paths}
for path in {kind(answered): path for path, answered in found.items()}.values():
    check_other_loader(path, found[path])
with open(sys.argv[2], "wb") as out:
    pickle.dump({f"{path.parent.name}/{path.name}": answered for path, answered in found.items()}, out)
