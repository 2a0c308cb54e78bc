"""What `pip install .` installs, in processes that see nothing of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfvae import zoo
from tfvae.cli import COMMANDS

ROOT = Path(__file__).parent.parent
SCRIPT = """
import sys
import numpy as np
import tfvae.zoo
assert tfvae.__file__.startswith(sys.argv[1]), tfvae.__file__
codes = tfvae.zoo.load_encoder("vae-dsprites")(np.zeros((2, 64, 64, 1), np.float32))["mean"]
assert tfvae.zoo.load_decoder("vae-dsprites")(codes).shape == (2, 64, 64, 1)
print(*tfvae.zoo.names())
"""

pytest.importorskip("setuptools")  # since Python 3.12, a new virtual environment lacks it


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel's path."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("tfvae", "zoo", "saved_models", "tools", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, f"--wheel-dir={target}", source], check=True)
    shutil.rmtree(source)
    (path,) = target.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder that the wheel is installed in."""
    target = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, f"--target={target}", wheel], check=True)
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
    pytest.importorskip("tensorflow_serving")
    tfvae(installed, tmp_path, "deploy", "--output=serving")
    templates = {path.name for path in (ROOT / "tfvae" / "serving" / "deployment" / "templates").iterdir()}
    written = {path.name for path in (tmp_path / "serving").iterdir()}
    assert written == templates | {".env", "models.config", "probes.yaml", "health.sh"}
    assert 'name: "factor_vae-dsprites"' in (tmp_path / "serving" / "models.config").read_text()


def test_an_installed_zoo_is_that_of_the_repository_without_pictures(installed, tmp_path):
    def content(folder):
        files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".png", ".gif", ".pyc")]
        return {path.relative_to(folder): path.read_bytes() for path in files}

    for package, folder in (("zoo_entries", "zoo"), ("zoo_saved_models", "saved_models")):
        there = installed / "tfvae" / package
        assert content(there) == content(ROOT / folder)
        assert not [path for path in there.rglob("*") if path.suffix in (".png", ".gif")]
    command = [sys.executable, "-c", SCRIPT, installed]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment(installed))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == zoo.names()


def test_a_wheel_has_little_more_than_the_weights_of_the_zoo(wheel):
    weights = sum(path.stat().st_size for path in (ROOT / "saved_models").glob("*/*/variables/*"))
    assert wheel.stat().st_size < weights + 1_000_000
