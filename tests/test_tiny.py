"""Tests over kinds of models leave out none that is of a new kind."""

from tests import tiny
from tfvae.models import MODELS, VAE


class OtherObjective(VAE):
    def loss_terms(self, images, posterior, z):
        return super().loss_terms(images, posterior, z)


class OtherImages(VAE):
    def decode(self, z):
        return 1 - super().decode(z)


def test_a_model_that_represents_or_decodes_in_a_new_way_is_not_slow(monkeypatch):
    monkeypatch.setitem(MODELS, "other_objective", OtherObjective)
    monkeypatch.setitem(MODELS, "other_images", OtherImages)
    quick = [name for name in tiny.by_representation() if isinstance(name, str)]
    assert "other_images" in quick
    assert "other_objective" not in quick
    assert {"vae", "factor_vae", "information_dropout", "joint_factor_vae", "anica", "qlae", "info_gan"} < set(quick)
    assert {name if isinstance(name, str) else name.values[0] for name in tiny.by_representation()} == set(MODELS)


def test_a_model_has_the_methods_of_its_parent(monkeypatch):
    monkeypatch.setitem(MODELS, "other_images", OtherImages)
    assert "other_images" not in tiny.one_of_each("loss_terms")
    assert "other_images" in tiny.one_of_each("decode")
    assert "beta_vae" not in tiny.one_of_each("decode")
