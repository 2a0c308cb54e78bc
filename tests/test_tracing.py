"""Functions are traced as they are written, as Keras does: AutoGraph takes half a second of the first encoding."""

import ast
from pathlib import Path

import pytest
from tensorflow.python.autograph.pyct import loader

import tfvae
from tests import tiny
from tfvae.analysis.iwae import log_marginal_likelihood

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for top in ("tfvae", "tools") for path in (ROOT / top).rglob("*.py"))


@pytest.fixture
def converted(monkeypatch):
    """What AutoGraph has converted: the sources that it generates."""
    sources = []
    load = loader.load_source
    monkeypatch.setattr(loader, "load_source", lambda source, *args: sources.append(source) or load(source, *args))
    return sources


def test_no_function_of_the_sources_is_converted():
    made = 0
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            decorators = getattr(node, "decorator_list", ())
            assert "tf.function" not in map(ast.unparse, decorators), f"{path}: a decorator without autograph=False"
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "tf.function":
                made += 1
                assert "autograph=False" in map(ast.unparse, node.keywords), f"{path}:{node.lineno}"
    assert made > 10


def test_nothing_is_converted_from_training_to_scores(converted):
    data = tfvae.data.ImageData("noise", tiny.images(8))
    model = tiny.make("factor_vae")
    model.fit(tfvae.data.batches(data, 4, steps=1), shuffle=False, verbose=0)
    model.predict(tiny.images(3), verbose=0)
    trained = model.capabilities()
    assert trained.represent(tiny.images(3))["mean"].shape == (3, tiny.DIM)
    log_marginal_likelihood(model, data, images=2, particles=2)
    assert len(list(data.as_dataset())) == 8
    assert not converted
