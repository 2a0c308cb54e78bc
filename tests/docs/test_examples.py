"""The examples run as they stand, with small numbers in the place of large ones."""

import os
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

# What would take long -> what a test can wait for.
SMALL = {
    "own_network.py": {"EPOCHS = 12, 120": "EPOCHS = 9, 1", "steps_per_epoch=20": "steps_per_epoch=1"},
    "codes_of_pytorch.py": {"STEPS = 2_000": "STEPS = 2"},
}
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


def small(name):
    code = (ROOT / "examples" / name).read_text()
    for long, short in SMALL[name].items():
        assert long in code
        code = code.replace(long, short)
    return code


def test_every_example_is_run_here():
    assert sorted(SMALL) == EXAMPLES


def test_own_network(monkeypatch, tmp_path, eager, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(small("own_network.py"), "own_network.py", "exec"), {})
    printed = capsys.readouterr().out
    assert "discriminator_accuracy" in printed
    assert "factor_vae   0." in printed or "factor_vae   1." in printed
    assert (tmp_path / "own_network.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "own_network.keras").exists()


def test_codes_of_pytorch(tmp_path):
    # In its own process, where TensorFlow is not loaded yet.
    command = [sys.executable, "-c", small("codes_of_pytorch.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "mig " in done.stdout
    assert "'length': " in done.stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_notebook_in_percent_format(name):
    text = (ROOT / "examples" / name).read_text()
    assert "format_name: percent" in text
    assert text.count("# %% [markdown]") >= 4
