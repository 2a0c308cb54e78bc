import io
import sys

import pytest

from tests import tiny
from tests.training.runs import logged
from tfvae.training.train import train

pytestmark = pytest.mark.usefixtures("eager")


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def shown(monkeypatch, workdir, *, terminal, progress=True, **changes):
    stream = Stream(terminal)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        train(tiny.experiment(**changes), workdir, data=tiny.Blobs(), progress=progress)
    return stream.getvalue()


def test_a_log_file_gets_one_line_for_each_log_entry_and_no_control_characters(tmp_path, monkeypatch):
    text = shown(monkeypatch, tmp_path, terminal=False, steps=5)
    lines = text.splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"step {step} of 5" for step in logged(tmp_path)]
    assert all(character.isprintable() for line in lines for character in line)
    assert "  loss " in lines[0]
    # A run that resumes counts from its checkpoint.
    lines = shown(monkeypatch, tmp_path, terminal=False, steps=8).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 6 of 8", "step 8 of 8"]


def test_a_terminal_gets_a_bar_that_counts_steps(tmp_path, monkeypatch):
    shown(monkeypatch, tmp_path, terminal=True, steps=4)
    text = shown(monkeypatch, tmp_path, terminal=True)
    assert "\r" in text
    assert "| 4/8 [" in text
    assert "| 8/8 [" in text
    assert "step 6 of 8" not in text


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_is_shown_without_progress(terminal, tmp_path, monkeypatch):
    assert shown(monkeypatch, tmp_path, terminal=terminal, progress=False, steps=2) == ""
