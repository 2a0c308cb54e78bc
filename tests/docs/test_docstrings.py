"""The examples in the docstrings of public objects run, and give what they show."""

import doctest
import inspect
from types import FunctionType

import numpy as np
import pytest

import tfvae
from tests.docs.test_reference import ENTRIES, found

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# Public objects without an example, each with the reason. A new one has an example; nothing is added here.
WITHOUT = {"tfvae.studies.runner.run_study": "starts processes, which take long; docs/tutorials/compare.md runs one"}

# What an example needs that not every installation has.
NEEDS = {
    "tfvae.export.export_onnx": "tf2onnx",
    "tfvae.export.onnx_runner": "tf2onnx",
    "tfvae.serving.Client": "tensorflow_serving",
    "tfvae.serving.ServingError": "tensorflow_serving",
}


def examples(name):
    """The examples of an object and its public methods, with np and tfvae imported."""
    value = found(name)
    methods = vars(value).items() if inspect.isclass(value) else ()
    described = [(f"{name}.{key}", each) for key, each in methods if isinstance(each, FunctionType | property)]
    for label, each in [(name, value), *described]:
        text = inspect.getdoc(each) or ""
        if ">>>" in text:
            yield doctest.DocTestParser().get_doctest(text, {"np": np, "tfvae": tfvae}, label, label, 0)


# Packages, modules and tables of names are described where their members are.
OBJECTS = [name for name in ENTRIES if inspect.isclass(found(name)) or inspect.isfunction(found(name))]


@pytest.mark.parametrize("name", [name for name in OBJECTS if any(examples(name))])
def test_examples_give_what_they_show(name, workplace, untraced):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    for test in examples(name):
        report = []
        doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
        assert report == [], "".join(report)


def test_public_objects_have_examples():
    assert {name for name in OBJECTS if not any(examples(name))} == set(WITHOUT)
