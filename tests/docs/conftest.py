import numpy as np
import pytest
from PIL import Image

import tfvae
from tests.docs.pages import ROOT
from tfvae.data import FactorSpace, GroundTruthData
from tfvae.data.sets import dsprites


@pytest.fixture(scope="session")
def few_sprites():
    """The corner of dSprites with 2 places for each factor but the shape."""
    factors = FactorSpace(dsprites.FACTORS.names, tuple(values[:2] for values in dsprites.FACTORS.values))
    return GroundTruthData("few", factors, dsprites.draw(factors.to_factors(np.arange(len(factors)))))


@pytest.fixture
def forgetful():
    """Forgets what a test registers."""
    registries = (tfvae.MODELS, tfvae.metrics.METRICS, tfvae.metrics.QUICK, tfvae.data.DATASETS)
    before = [dict(registry) for registry in registries]
    yield
    for registry, content in zip(registries, before, strict=True):
        registry.clear()
        registry.update(content)


@pytest.fixture
def workplace(few_sprites, forgetful, monkeypatch, tmp_path):
    """A folder with photos and the zoo's exports, in which "dsprites" is a few of its images."""
    load = tfvae.data.load
    monkeypatch.setattr(tfvae.data, "load", lambda name: few_sprites if name == "dsprites" else load(name))
    monkeypatch.setattr(tfvae.models.AdversarialVAE, "discriminator_sizes", {"depth": 2, "units": 16})
    monkeypatch.setenv("TFVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for index in range(20):
        pixels = np.random.default_rng(index).integers(256, size=(40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.jpg")
    (tmp_path / "saved_models").mkdir()
    for entry in (ROOT / "saved_models").iterdir():
        (tmp_path / "saved_models" / entry.name).symlink_to(entry)
    return tmp_path
