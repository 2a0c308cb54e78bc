"""What is true of every table, and the tool that prints them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.benchmark import TABLES

ROOT = Path(__file__).parents[3]


def run(*arguments):
    command = [sys.executable, "-m", "tools.benchmark", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.slow
def test_all_tables_are_made_and_written(tmp_path):
    done = run("--quick", f"--output={tmp_path}/tables.json")
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "tables.json").read_text())
    assert list(content["tables"]) == list(TABLES)
    assert content["machine"]["date"] in done.stdout
    for table in content["tables"].values():
        assert f"### {table['title']}" in done.stdout
        assert table["rows"]
        # Everything that was measured took time.
        assert all(
            value is None or isinstance(value, str) or value > 0 for row in table["rows"] for value in row.values()
        )


@pytest.mark.slow
def test_wrong_input_gets_one_clear_line_and_measures_nothing():
    done = run("--output=x.txt")
    assert done.returncode == 1
    assert "Error: Expected --output to end in .json or .md. Received: x.txt" in done.stderr
    assert not done.stdout
