"""How exported networks show themselves."""

import pytest

from tests import tiny
from tfvae.experiment import Experiment
from tfvae.export import Provenance, export_decoder, export_encoder
from tfvae.export.loaded import load_decoder, load_saved_model


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An encoder with a provenance, its decoder, and a decoder with a categorical latent."""
    folder = tmp_path_factory.mktemp("exports")
    vae, joint = tiny.make("vae"), tiny.make("joint_factor_vae")
    origin = Provenance(Experiment("vae", data="npz:a <b>.npz"))
    export_encoder(vae, folder / "small" / "2", provenance=origin)
    export_decoder(vae, folder / "small-decoder" / "2", provenance=origin)
    export_decoder(joint, folder / "joint-decoder" / "1")
    return (
        load_saved_model(folder / "small" / "2"),
        load_decoder(folder / "small-decoder" / "2"),
        load_decoder(folder / "joint-decoder" / "1"),
        joint,
    )


def test_a_network_names_its_folder_its_images_and_its_latents(made):
    encoder, decoder, with_categories, joint = made
    assert repr(encoder) == f"<SavedEncoder small/2: {tiny.SHAPE} -> {tiny.DIM} latents>"
    assert repr(decoder) == f"<SavedDecoder small-decoder/2: {tiny.DIM} latents -> {tiny.SHAPE}>"
    assert repr(with_categories) == (
        f"<SavedDecoder joint-decoder/1: {joint.latent_dim} latents and {joint.categories} categories -> {tiny.SHAPE}>"
    )


def test_in_a_notebook_it_also_names_its_model_and_data(made):
    encoder, decoder, with_categories, _ = made
    for network, model, data in (
        (encoder, "VAE", True),
        (decoder, "VAE", True),
        (with_categories, "JointFactorVAE", False),
    ):
        html = network._repr_html_()
        assert str(network.path) in html
        assert str(tiny.SHAPE) in html
        assert f">{model}<" in html
        assert ("npz:a &lt;b&gt;.npz" in html) == data
