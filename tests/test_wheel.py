"""What `pip install .` installs, in processes that see nothing of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfvae import zoo
from tfvae.cli import COMMANDS
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

pytest.importorskip("setuptools")  # since Python 3.12, a new virtual environment lacks it
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the wheel is installed in."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("tfvae", "zoo", "saved_models", "tools", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", f"--target={target}", source], check=True)
    shutil.rmtree(source)
    return target


def environment(installed):
    return {**os.environ, "PYTHONPATH": str(installed)}


def tfvae(installed, folder, *arguments):
    """What the console script prints, run in a folder."""
    command = [installed / "bin" / "tfvae", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment(installed))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_has_every_file_of_the_package_and_nothing_else_of_the_repository(installed):
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"bin", "tfvae"}
    there = {path.relative_to(installed).as_posix() for path in (installed / "tfvae").rglob("*") if path.is_file()}
    package = {path for path in (ROOT / "tfvae").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    expected = {path.relative_to(ROOT).as_posix() for path in package if path.name != "README.md"}
    assert expected - there == set()
    assert {"tfvae/__init__.pyi", "tfvae/py.typed", "tfvae/release/card.md.jinja"} <= expected
    others = {path for path in there - expected if not path.endswith(".pyc")}
    assert {path.split("/")[1] for path in others} == {"zoo_entries", "zoo_saved_models"}


def test_the_metadata_describe_the_package(installed):
    (path,) = installed.glob("tfvae-*.dist-info")
    metadata, _, description = (path / "METADATA").read_text().partition("\n\n")
    assert "Author: The tfvae authors\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata
    assert "Description-Content-Type: text/markdown\n" in metadata
    assert "Project-URL" not in metadata
    assert description.strip() == (ROOT / "README.md").read_text().strip()


def test_the_console_script_runs_outside_of_the_repository(installed, tmp_path):
    overview = tfvae(installed, tmp_path, "--help")
    assert all(f"  {name} " in overview for name in COMMANDS)
    assert "factor_vae-dsprites" in tfvae(installed, tmp_path, "zoo")
    pytest.importorskip("tensorflow_serving")
    tfvae(installed, tmp_path, "deploy", "--output=serving")
    templates = {path.name for path in (ROOT / "tfvae" / "serving" / "deployment" / "templates").iterdir()}
    written = {path.name for path in (tmp_path / "serving").iterdir()}
    assert written == templates | {".env", "models.config", "probes.yaml", "health.sh"}
    assert 'name: "factor_vae-dsprites"' in (tmp_path / "serving" / "models.config").read_text()


def test_an_installed_zoo_gives_the_codes_of_the_repository_s(installed, tmp_path):
    images, expected = {}, {}
    for name in zoo.names():
        folder = ROOT / "saved_models" / name
        encode = tf.saved_model.load(folder / str(versions(folder)[-1])).signatures["serving_default"]
        shape = encode.structured_input_signature[1]["images"].shape[1:]
        images[name] = np.random.default_rng(0).random((3, *shape), dtype=np.float32)
        expected[name] = encode(images=tf.constant(images[name]))["mean"]
    np.savez(tmp_path / "images.npz", **images)
    command = [sys.executable, "-c", SCRIPT, installed, tmp_path / "images.npz", tmp_path / "codes.npz"]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment(installed))
    codes = np.load(tmp_path / "codes.npz")
    assert list(codes) == zoo.names()
    for name in codes:
        np.testing.assert_allclose(codes[name], expected[name], atol=1e-5, rtol=0)
