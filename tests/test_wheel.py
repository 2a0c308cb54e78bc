"""What is installed from a wheel, in a process that sees nothing of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfvae import zoo
from tfvae.export import versions

ROOT = Path(__file__).parent.parent
SCRIPT = """
import sys
import numpy as np
import tfvae.zoo
assert tfvae.__file__.startswith(sys.argv[1]), tfvae.__file__
images = dict(np.load(sys.argv[2]))
assert tfvae.zoo.names() == list(images)
np.savez(sys.argv[3], **{name: tfvae.zoo.load_encoder(name)(images[name])["mean"] for name in images})
"""


pytest.importorskip("setuptools")  # a virtual environment of Python 3.12 has none of itself


@pytest.mark.slow
def test_an_installed_zoo_gives_the_codes_of_the_repository_s(tmp_path):
    source, installed = tmp_path / "source", tmp_path / "installed"
    for name in ("tfvae", "zoo", "saved_models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", f"--target={installed}", source], check=True)
    shutil.rmtree(source)

    images, expected = {}, {}
    for name in zoo.names():
        folder = ROOT / "saved_models" / name
        encode = tf.saved_model.load(folder / str(versions(folder)[-1])).signatures["serving_default"]
        shape = encode.structured_input_signature[1]["images"].shape[1:]
        images[name] = np.random.default_rng(0).random((3, *shape), dtype=np.float32)
        expected[name] = encode(images=tf.constant(images[name]))["mean"]
    np.savez(tmp_path / "images.npz", **images)
    command = [sys.executable, "-c", SCRIPT, installed, tmp_path / "images.npz", tmp_path / "codes.npz"]
    subprocess.run(command, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)}, timeout=300)
    codes = np.load(tmp_path / "codes.npz")
    assert list(codes) == zoo.names()
    for name in codes:
        np.testing.assert_allclose(codes[name], expected[name], atol=1e-5, rtol=0)
