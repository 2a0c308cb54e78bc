"""The reference has every public object, and each of its entries exists."""

import importlib
import re

import pytest

from tests.docs.pages import ROOT

STUBS = sorted((ROOT / "tfvae").rglob("__init__.pyi"))
ENTRIES = [
    name
    for page in sorted((ROOT / "docs" / "reference").glob("*.md"))
    for name in re.findall(r"^::: (\S+)$", page.read_text(), re.M)
]


def found(name):
    """The object of a full name."""
    top, *parts = name.split(".")
    value, path = importlib.import_module(top), top
    for part in parts:
        path = f"{path}.{part}"
        if not hasattr(value, part):
            importlib.import_module(path)
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("stub", STUBS, ids=lambda stub: stub.parent.name)
def test_every_public_object_has_an_entry(stub):
    package = ".".join(stub.parent.relative_to(ROOT).parts)
    module = importlib.import_module(package)
    entries = {id(found(name)) for name in ENTRIES}
    assert [name for name in module.__all__ if id(getattr(module, name)) not in entries] == []


def test_every_entry_exists_once():
    assert len(ENTRIES) == len(set(ENTRIES))
    for name in ENTRIES:
        assert found(name) is not None


def test_an_entry_that_does_not_exist_is_found():
    with pytest.raises(ModuleNotFoundError):
        found("tfvae.metrics.no_such_score")
