"""Help is quick: it loads no TensorFlow."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tfvae.cli import COMMANDS

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from tfvae.cli import main
main(sys.argv[1:])
heavy = {"tensorflow", "keras", "numpy"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else 0)
"""


def helped(*arguments):
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_names_its_flags_without_tensorflow(name):
    source = Path(importlib.util.find_spec(f"tfvae.cli.{name}").origin).read_text()
    flags = re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', source)
    out = helped(name, "--help")
    assert f"Usage: tfvae {name}" in out
    assert flags
    assert [flag for flag in flags if not re.search(rf"--(\[no\])?{flag}\b", out)] == []


def test_the_overview_names_every_command():
    out = helped("--help")
    assert [
        name for name, what in COMMANDS.items() if not re.search(rf"^  {name} +{re.escape(what)}$", out, re.M)
    ] == []
