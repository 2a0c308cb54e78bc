"""The versions that the tests run with are among those that setup.py allows."""

import re
from pathlib import Path

import pytest
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent


def requirement(text):
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def canonical(name):
    return re.sub("[-_.]+", "-", name).lower()


TEXTS = re.findall(r'"([^"\n]+[<>]=?[\d.]+[^"\n]*)"', (ROOT / "setup.py").read_text())
REQUIREMENTS = {canonical(found.name): found for found in map(requirement, TEXTS) if found and found.name != "python"}
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines())
PINS = {canonical(name): version for name, version in PINS.items()}


@pytest.mark.parametrize("name", [name for name in REQUIREMENTS if name in PINS])
def test_a_pinned_version_is_allowed(name):
    assert PINS[name] in REQUIREMENTS[name].specifier


def test_the_libraries_that_decide_results_are_pinned_and_bounded():
    for name in ("tensorflow", "keras", "numpy"):
        assert name in PINS
        (upper,) = (Version(bound.version) for bound in REQUIREMENTS[name].specifier if bound.operator == "<")
        assert upper == Version(str(Version(PINS[name]).major + 1))
    assert len(REQUIREMENTS) > 25
    assert {"scipy", "scikit-learn", "grpcio", "pytest", "ruff"} <= set(REQUIREMENTS) & set(PINS)


def test_keras_with_known_holes_in_its_safe_mode_is_not_allowed():
    for version in ("3.8.0", "3.11.2", "3.12.3", "3.13.1", "3.14.1", "3.15.0"):
        assert version not in REQUIREMENTS["keras"].specifier
