"""What all commands have in common: how they start."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import tfvae
from tests.processes import Command
from tfvae.cli import COMMANDS, main
from tfvae.cli import start as cli_start

ROOT = Path(__file__).parents[2]
# As the console script, which does not have the current folder on its path.
PROGRAM = "import sys; from tfvae.cli import main; main(sys.argv[1:])"


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-P", "-c", PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def run(folder, *arguments):
    """The exit code and what it printed, of a command that loads TensorFlow."""
    command = Command("tfvae.cli", *arguments, folder=folder, environment={"PYTHONPATH": str(ROOT)})
    out, err = command.communicate()
    return command.returncode, out, err


def test_the_help_of_every_command_shows_import(tmp_path):
    running = {name: start(tmp_path, name, "--help") for name in COMMANDS}
    for name, process in running.items():
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert f"Usage: tfvae {name}" in out
        assert "--import" in out, name


def test_modules_of_the_current_folder_are_imported_before_the_command_runs(tmp_path):
    for name in ("mine", "yours"):
        (tmp_path / f"{name}.py").write_text(f"print('{name} is imported')")
    _, out, err = run(tmp_path, "zoo", "--import=mine", "--import=yours")
    assert out.splitlines()[:2] == ["mine is imported", "yours is imported"], err
    assert "factor_vae-dsprites" in out


@pytest.mark.parametrize("module", ["tfvae", "tfvae.cli"])
def test_the_package_runs_as_the_command(module):
    run = subprocess.run([sys.executable, "-m", module, "--version"], cwd=ROOT, capture_output=True, text=True)
    assert (run.stdout, run.stderr, run.returncode) == (f"tfvae {tfvae.__version__}\n", "", 0)


def test_a_module_that_cannot_be_imported_is_one_clear_line(tmp_path):
    code, out, err = run(tmp_path, "zoo", "--import=absent")
    assert (code, out) == (1, "")
    (line,) = err.strip().splitlines()
    assert line.startswith("Error: Expected a Python module that can be imported")
    assert f"from {tmp_path}. Received: 'absent', ModuleNotFoundError" in line


def test_a_wrong_flag_is_one_clear_line(tmp_path):
    cases = {
        ("train", "--bogus=1"): "Unknown command line flag 'bogus'",
        ("train", "--experiment=x.json"): "Expected --workdir=... Received: no --workdir",
        ("evaluate", "--model=x", "--seed=-1"): "--seed=-1",
        ("evaluate", "--model=x", "--quick", "folder"): "Expected flags alone, as --name=value. Received: ['folder']",
        ("study", "--output=x"): "Expected a study.json and flags",
    }
    running = {arguments: start(tmp_path, *arguments) for arguments in cases}
    for arguments, process in running.items():
        out, err = process.communicate()
        (line,) = err.strip().splitlines()
        assert (process.returncode, out) == (1, ""), arguments
        assert line.startswith("Error: ")
        assert cases[arguments] in line
        assert line.endswith(f"See tfvae {arguments[0]} --help")


def test_a_reader_may_close_the_pipe_early(tmp_path):
    for arguments in ((), ("--version",)):
        with start(tmp_path, *arguments) as process:
            process.stdout.close()
            assert process.stderr.read() == ""
        assert process.returncode == 0


def test_a_flag_that_is_missing_is_named(tmp_path):
    out, err = start(tmp_path, "train", "--experiment=x").communicate()
    assert (out, err) == ("", "Error: Expected --workdir=... Received: no --workdir. See tfvae train --help\n")


def test_a_warning_is_one_line_without_the_code_that_gave_it(tmp_path):
    (tmp_path / "warns.py").write_text("import tfvae, warnings\nwarnings.warn('careful')\n")
    assert run(tmp_path, "zoo", "--import=warns")[2] == "Warning: careful\n"


def test_an_error_of_a_command_that_needs_no_tensorflow_is_one_line(tmp_path):
    process = start(tmp_path, "zoo", "absent")  # not in a process that has TensorFlow already
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err.startswith("Error: Expected the name of a zoo entry")
    assert err.count("\n") == 1


def test_an_experiment_that_does_not_exist_is_answered_by_the_names_of_those_that_do(tmp_path):
    _, _, err = run(tmp_path, "train", "--experiment=factor_vae-dsprits", "--workdir=run")
    assert err.startswith("Error: Expected an experiment, a JSON file or a name out of [")
    assert "'factor_vae-dsprites'" in err
    assert err.endswith("There is none at factor_vae-dsprits\n")
    assert not (tmp_path / "run").exists()


def test_ctrl_c_before_a_command_begins_is_one_clear_line(monkeypatch, capsys):
    def interrupted(command, argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_start, "run", interrupted)
    with pytest.raises(SystemExit, match="130"):
        main(["zoo"])
    assert capsys.readouterr().err == "\nInterrupted.\n"


@pytest.mark.parametrize(
    ("own", "said", "shown"),
    [
        ({}, "", "Interrupted. No output was written; the same command starts over."),
        ({"INTERRUPTED": "Interrupted. It resumes."}, "", "Interrupted. It resumes."),
        ({"INTERRUPTED": "Interrupted. It resumes."}, "Stopped after step 4.", "Stopped after step 4."),
    ],
)
def test_ctrl_c_is_one_clear_line_on_what_was_written(own, said, shown, monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt(said)

    monkeypatch.setattr(cli_start, "_load_tensorflow", lambda: None)
    monkeypatch.setattr(cli_start, "IMPORT", SimpleNamespace(value=[]))
    monkeypatch.setattr(cli_start.app, "run", lambda main, argv, flags_parser: main(argv))
    monkeypatch.setattr(cli_start.warnings, "formatwarning", cli_start.warnings.formatwarning)
    command = ModuleType("command")
    vars(command).update(own, main=interrupted)
    with pytest.raises(SystemExit, match="130"):
        cli_start.run(command, ["tfvae command"])
    assert capsys.readouterr().err == f"\n{shown}\n"


@pytest.mark.parametrize(("error", "shown"), [(ImportError, "notice"), (KeyboardInterrupt, ""), (None, "")])
def test_notices_of_libraries_are_shown_only_when_they_cannot_be_loaded(error, shown, capfd):
    with contextlib.suppress(ImportError, KeyboardInterrupt), cli_start._without_notices():
        os.write(2, b"notice")
        if error:
            raise error
    assert capfd.readouterr().err == shown
