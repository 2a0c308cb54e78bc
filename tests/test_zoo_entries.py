"""The library's own entries: each is complete, and loads with TensorFlow alone by both of its loaders."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfvae import zoo
from tfvae.card import BEGIN, END, card, table
from tfvae.export import versions
from tfvae.metrics import METRICS

ROOT = Path(__file__).parent.parent
SECTIONS = ("## Scores", "## Limits", "## Train it further", "## Cite", "| licence |", "| training |", "| not for |")
# Knows nothing of tfvae: what it feeds follows from the signatures alone.
BARE = """
import json, sys
for name in ("tfvae", "keras", "tf_keras", "tensorflow_probability"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf

def inputs(spec):
    size, rng = [2 if n is None else n for n in spec.shape], np.random.default_rng(0)
    if spec.dtype == tf.string:
        return np.array([tf.io.encode_png(np.uint8(rng.integers(0, 256, (64, 64, 1)))).numpy()] * size[0], object)
    if spec.dtype.is_floating:
        return rng.random(size).astype(np.float32)
    return rng.integers(0, 2, size).astype(spec.dtype.as_numpy_dtype)

for path in json.loads(sys.argv[1]):
    loaded, feeds, by_load = tf.saved_model.load(path), {}, {}
    for name, signature in loaded.signatures.items():
        feeds[name] = {key: inputs(spec) for key, spec in signature.structured_input_signature[1].items()}
        by_load[name] = signature(**{key: tf.constant(value) for key, value in feeds[name].items()})
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        served = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def
        for name, outputs in by_load.items():
            tensors = {key: tensor.name for key, tensor in served[name].outputs.items()}
            fed = {served[name].inputs[key].name: value for key, value in feeds[name].items()}
            by_session = session.run(tensors, fed)
            assert set(outputs) == set(by_session) and outputs, name
            for key, value in by_session.items():
                assert np.isfinite(value).all(), (path, name, key)
                np.testing.assert_allclose(outputs[key], value, atol=1e-5, rtol=0, err_msg=f"{path} {name} {key}")
    images = np.load(sys.argv[2] + "/" + path.split("/")[-2] + ".npy")
    print(json.dumps(loaded.signatures["serving_default"](images=tf.constant(images))["mean"].numpy().tolist()))
"""


def newest(name):
    return ROOT / "saved_models" / name / str(versions(ROOT / "saved_models" / name)[-1])


@pytest.mark.parametrize("name", zoo.names())
def test_an_entry_is_complete(name):
    entry, scores = ROOT / "zoo" / name, zoo.load_scores(name)
    for file in ("experiment.json", "scores.json", "card.md", "traversals.png", "traversals.gif"):
        assert (entry / file).is_file(), f"zoo/{name} has no {file}: tools/release.py makes it"
    assert set(METRICS) <= set(scores), name
    assert "limit" not in scores, f"zoo/{name} was scored by --quick"
    release = scores["release"]
    assert str(release["version"]) == newest(name).name
    assert release["steps"]["planned"] == zoo.load_experiment(name).steps >= release["steps"]["trained"] > 0
    assert release["outputs"]["mean"] == zoo.load_experiment(name).latent_dim
    assert {"tool", "date", "machine", "versions"} <= set(release)
    text = (entry / "card.md").read_text()
    for section in SECTIONS:
        assert section in text, f"zoo/{name}/card.md has no {section}"
    assert text == card(entry), f"zoo/{name}/card.md is old: tools/release.py --table makes it anew"


def test_the_readme_has_the_table():
    text = (ROOT / "README.md").read_text()
    shown = text.partition(f"{BEGIN}\n")[2].partition(END)[0]
    assert shown == table(), "README.md's table is old: tools/release.py --table makes it anew"
    assert [line for line in shown.splitlines() if "](zoo/" in line], "no entry"


def test_no_saved_model_is_an_orphan():
    folders = {path.name.removesuffix("-decoder") for path in (ROOT / "saved_models").iterdir() if path.is_dir()}
    assert folders == set(zoo.names())


def test_all_ways_to_load_an_entry_give_the_same_codes(tmp_path):
    expected, paths = [], []
    for name in zoo.names():
        encoder = zoo.load_encoder(name)
        assert encoder.image_shape == tuple(zoo.load_scores(name)["release"]["image_shape"])
        images = np.random.default_rng(1).random((3, *encoder.image_shape), dtype=np.float32)
        np.save(tmp_path / f"{name}.npy", images)
        codes = encoder(images)["mean"].numpy()
        plain = tf.saved_model.load(str(newest(name)))
        np.testing.assert_allclose(plain.signatures["serving_default"](images=images)["mean"], codes, atol=1e-5)
        assert np.ptp(codes, axis=0).max() > 0.1  # other codes for other images
        expected.append(codes)
        paths.append(str(newest(name)))
    command = [sys.executable, "-c", BARE, json.dumps(paths), str(tmp_path)]
    bare = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert bare.returncode == 0, bare.stderr[-2000:]
    for codes, line in zip(expected, bare.stdout.splitlines(), strict=True):
        np.testing.assert_allclose(json.loads(line), codes, atol=1e-5)
