"""What is true of every table, and the tool that prints them."""

import json

import pytest

from tests.processes import Command
from tools.benchmark import TABLES


def run(*arguments):
    command = Command("tools.benchmark", *arguments)
    out, err = command.communicate(timeout=600)
    return command.returncode, out, err


@pytest.mark.parametrize("names", [["models"], pytest.param(list(TABLES), marks=pytest.mark.slow)], ids=["one", "all"])
def test_tables_are_made_and_written(names, tmp_path):
    code, out, err = run(*names, "--quick", f"--output={tmp_path}/tables.json")
    assert code == 0, err
    content = json.loads((tmp_path / "tables.json").read_text())
    assert list(content["tables"]) == names
    assert content["machine"]["date"] in out
    for table in content["tables"].values():
        assert f"### {table['title']}" in out
        assert table["rows"]
        # Everything that was measured took time.
        assert all(
            value is None or isinstance(value, str) or value > 0 for row in table["rows"] for value in row.values()
        )


def test_wrong_input_gets_one_clear_line_and_measures_nothing():
    code, out, err = run("--output=x.txt")
    assert (code, out) == (1, "")
    assert "Error: Expected --output to end in .json or .md. Received: x.txt" in err
