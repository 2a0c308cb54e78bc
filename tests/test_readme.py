"""The README's Python runs as it stands, on a small data set and for a few steps."""

import re
from pathlib import Path

import numpy as np
import pytest

import tfvae
from tfvae.data import FactorSpace, GroundTruthData
from tfvae.data.sets import dsprites

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.fixture
def few_sprites():
    """The corner of dSprites with 2 places for each factor but the shape."""
    factors = FactorSpace(dsprites.FACTORS.names, tuple(values[:2] for values in dsprites.FACTORS.values))
    return GroundTruthData("few", factors, dsprites.draw(factors.to_factors(np.arange(len(factors)))))


def test_the_readme_has_the_blocks_that_are_run_here():
    marks = ["model.fit", "tf.saved_model.load", "Client(", "score(codes, factors", "register_model("]
    assert [text in block for text, block in zip(marks, BLOCKS, strict=True)] == [True] * 5


def test_training_in_keras(few_sprites, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tfvae.data, "load", lambda name: few_sprites)
    monkeypatch.chdir(tmp_path)
    code = BLOCKS[0]
    assert len(code.splitlines()) <= 20
    for long, short in (("128)", "16)"), ("steps_per_epoch=1000, epochs=300", "steps_per_epoch=2, epochs=1")):
        assert long in code
        code = code.replace(long, short)
    exec(code, {})
    assert "'score': 0." in capsys.readouterr().out
    assert (tmp_path / "factor_vae.keras").exists()
    assert (tmp_path / "saved_models" / "factor_vae" / "1" / "saved_model.pb").exists()


def test_loading_with_tensorflow_alone(monkeypatch):
    monkeypatch.chdir(ROOT)
    results = {}
    exec(BLOCKS[1], results)
    assert results["codes"]["mean"].shape == (1, 10)
    assert np.isfinite(results["codes"]["log_variance"]).all()


def test_encoding_at_a_server():
    pytest.importorskip("tensorflow_serving")
    from tfvae.serving.local.server import LocalServer

    with LocalServer(ROOT / "saved_models", grpc_port=0, rest_port=0) as server:
        for address in (server.grpc_address, f"http://{server.rest_address.removeprefix('http://')}"):
            results = {"images": np.zeros((3, 64, 64, 1), np.float32)}
            assert '"localhost:8500"' in BLOCKS[2]
            exec(BLOCKS[2].replace("localhost:8500", address), results)
            assert results["codes"]["mean"].shape == (3, 10)
            assert results["stable"]["mean"].shape == (3, 10)


def test_scoring_arrays(capsys):
    exec(BLOCKS[3], {})
    assert capsys.readouterr().out.count("'score': 0.") == 3


@pytest.fixture
def forgetful():
    """Forgets what a test registers."""
    registries = (tfvae.MODELS, tfvae.metrics.METRICS, tfvae.metrics.QUICK)
    before = [dict(registry) for registry in registries]
    yield
    for registry, content in zip(registries, before, strict=True):
        registry.clear()
        registry.update(content)


def test_registering_a_model_and_a_metric(forgetful, few_sprites):
    exec(BLOCKS[4], {"__name__": "my_module"})
    model = tfvae.create("free_bits_vae", few_sprites.image_shape, latent_dim=2)
    images = few_sprites.scaled(np.arange(4))
    logs = model.evaluate(images, batch_size=4, verbose=0, return_dict=True)
    assert logs["loss"] == logs["reconstruction"]  # a new model has less than 2 nats
    assert 0 < logs["kl"] < 2
    assert tfvae.evaluate(model, few_sprites, metrics="spread")["spread"]["score"] > 0
