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
    "own_photos.py": {
        "PICTURES, STEPS = 4_000, 6_000": "PICTURES, STEPS = 24, 2",
        "size=32": "size=16",
        "steps=STEPS": "steps=STEPS, batch_size=8",
    },
    "few_labels.py": {"LABELS, TEST, DRAWS = (20, 100, 1_000), 2_000, 5": "LABELS, TEST, DRAWS = (6, 7), 18, 2"},
    "serving.py": {},
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


def test_own_photos(workplace, eager):
    exec(compile(small("own_photos.py"), "own_photos.py", "exec"), {})
    for name in ("own_photos.png", "own_photos-data.png"):
        assert (workplace / name).read_bytes().startswith(b"\x89PNG")
    assert len(list((workplace / "my_photos").iterdir())) == 24
    assert "Move the latents" in (workplace / "own_photos.html").read_text()


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_few_labels(workplace, capsys):
    exec(compile(small("few_labels.py"), "few_labels.py", "exec"), {})
    printed = capsys.readouterr().out
    for question in ("shape", "position"):
        for features in ("codes", "pixels"):
            assert printed.count(f"{question:9} {features:6} ") == 2
    assert (workplace / "few_labels.png").read_bytes().startswith(b"\x89PNG")


def test_serving(workplace, capsys):
    pytest.importorskip("tensorflow_serving")
    exec(compile(small("serving.py"), "serving.py", "exec"), {})
    assert "'mean': (10, 10)" in capsys.readouterr().out
    assert (workplace / "serving.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_notebook_in_percent_format(name):
    text = (ROOT / "examples" / name).read_text()
    assert "format_name: percent" in text
    assert text.count("# %% [markdown]") >= 4
