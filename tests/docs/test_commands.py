"""The commands on the pages exist, with their flags, and the files and names that they mention."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from tests.docs.pages import PAGES, ROOT
from tfvae import zoo
from tfvae.cli import COMMANDS

STUDIES = [
    f"studies/{name}/README.md"
    for name in (
        "quick_recipe",
        "every_model",
        "correlated_quick",
        "few_labels",
        "algorithm_2",
        "bfloat16",
        "trade_off",
    )
]
DOCUMENTS = [*PAGES, "CONTRIBUTING.md", *STUDIES]
# Files that a reader writes.
OWN = ("compare.json", "free_bits.json")


def commands(text):
    """The commands in a text, as lists of words without comments."""
    text = text.replace("\\\n", " ")
    for language, code in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if language in ("sh", "console"):
            for line in code.splitlines():
                yield from _words(line.removeprefix("$ "))
    for code in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)):
        yield from _words(code)


def _words(line):
    words = shlex.split(line, comments=True) if line.count("'") % 2 == 0 else []
    if words and (words[0] == "tfvae" or words[:2] == ["python", "-m"] or words[0] == "make"):
        yield words


FOUND = [(page, words) for page in DOCUMENTS for words in commands((ROOT / page).read_text())]
OURS = [(page, words) for page, words in FOUND if words[0] == "tfvae" and len(words) > 1]


@pytest.fixture(scope="module")
def flags_of():
    """The names of the flags of each command of `tfvae`, as its help prints them."""
    program = (
        "import importlib, json; from absl import flags; from tfvae.cli import COMMANDS, start; found = {}\n"
        "for name in COMMANDS:\n"
        "    module = importlib.import_module(f'tfvae.cli.{name}')\n"
        "    found[name] = [flag.name for flag in flags.FLAGS.get_key_flags_for_module(module)]\n"
        "    [delattr(flags.FLAGS, flag) for flag in found[name]]\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    return {name: {*flags, "import", "help"} for name, flags in json.loads(done.stdout.splitlines()[-1]).items()}


def test_commands_are_found():
    assert len(OURS) > 60
    assert {words[1] for _, words in OURS} >= set(COMMANDS)


def test_commands_of_tfvae_have_their_flags(flags_of):
    for page, (_, name, *arguments) in OURS:
        if name in ("--help", "--version"):
            continue
        assert name in COMMANDS, (page, name)
        given = {argument[2:].partition("=")[0] for argument in arguments if argument.startswith("--")}
        assert given <= flags_of[name], (page, name, given - flags_of[name])


def test_what_commands_name_exists():
    for page, words in OURS:
        for word in words[2:]:
            flag, _, value = word.partition("=")
            if flag == "--experiment" and not value.startswith("<"):
                assert value in zoo.experiments() or value in OWN, (page, value)
            elif flag == "--model" and "/" not in value and re.fullmatch(r"[a-z0-9_]+-[a-z0-9]+", value):
                assert value in zoo.names(), (page, value)
            elif word.endswith(".json") and not flag.startswith("--"):
                assert (ROOT / word).exists() or word in OWN, (page, word)


def test_programs_and_targets_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    seen = set()
    for page, words in FOUND:
        if words[0] == "make":
            for word in words[1:]:
                if "=" not in word:
                    assert word in targets, (page, word)
                    seen.add(word)
        elif words[0] == "python" and words[2].startswith("tools."):
            path = ROOT / words[2].replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), (page, words[2])
    assert {"setup", "demo", "lint", "test", "docs"} <= seen


def test_the_readme_s_tests_are_those_that_run_in_ci():
    assert "make lint test" in (ROOT / ".ci" / "run").read_text()
    assert "make lint test" in (ROOT / "README.md").read_text()
