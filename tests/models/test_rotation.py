from functools import partial

import keras
import numpy as np
import pytest
from sklearn.decomposition import FastICA

import tfvae
from tests import tiny
from tfvae.codes import latent_moments
from tfvae.export import export_decoder, export_encoder, load_decoder, load_saved_model
from tfvae.models import MODELS, VAE
from tfvae.models.rotation import independence_gain
from tfvae.networks.turning import Turn, TurnBack

SOURCES = np.random.default_rng(0).uniform(size=(5_000, 3)).astype(np.float32)
MIXING = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.3], [0.1, 0.2, -1.0]])
LOG_VARIANCES = np.array([-6.0, -7.0, -8.0, 0.0])


def mixed_vae():
    """A VAE of three independent numbers whose first three means are mixtures of them; the fourth latent is noise."""
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8)], name="encoder")
    kernel = np.zeros((3, 8))
    kernel[:, :3] = MIXING.T
    encoder.set_weights([kernel, np.concatenate([[1, 2, 3, 0], LOG_VARIANCES])])
    decoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="decoder")
    return VAE(encoder, decoder, likelihood="gaussian", scale=0.5)


@pytest.fixture(scope="module")
def pair():
    model = mixed_vae()
    return model, tfvae.rotate(model, SOURCES)


def correlations(codes):
    return np.abs(np.corrcoef(codes[:, :3].T, SOURCES.T)[:3, 3:])


def test_independent_causes_that_are_mixed_are_found(pair):
    before, after = (correlations(model.predict(SOURCES, verbose=0)["mean"]) for model in pair)
    assert np.sort(before.max(axis=0))[0] < 0.85
    assert after.max(axis=0).min() > 0.999
    assert sorted(after.argmax(axis=1)) == [0, 1, 2]


def test_a_turned_latent_keeps_the_place_and_the_sign_of_the_latent_that_it_has_most_of(pair):
    before, after = (model.predict(SOURCES, verbose=0)["mean"] for model in pair)
    same = np.corrcoef(before[:, :3].T, after[:, :3].T)[:3, 3:]
    assert (np.diag(same) > 0.7).all()


def test_the_decoder_draws_the_same_and_what_does_not_count_stays(pair):
    model, turned = pair
    before, after = model.predict(SOURCES[:9], verbose=0), turned.predict(SOURCES[:9], verbose=0)
    np.testing.assert_allclose(turned.decode(after["mean"]), model.decode(before["mean"]), atol=1e-5)
    for output in ("mean", "log_variance"):
        np.testing.assert_array_equal(after[output][:, 3], before[output][:, 3])
    assert (turned.likelihood_name, turned.scale) == ("gaussian", 0.5)
    assert type(turned) is VAE


def test_a_turned_latent_is_distributed_as_the_prior(pair):
    _, turned = pair
    mean, deviation = latent_moments(turned.predict(SOURCES, verbose=0))
    np.testing.assert_allclose(mean[:3], 0, atol=1e-5)
    np.testing.assert_allclose(deviation[:3], 1, atol=1e-5)


def test_means_and_variances_are_those_of_a_linear_map():
    rng = np.random.default_rng(1)
    matrix, offset = rng.normal(size=(3, 3)), rng.normal(size=3)
    matrix[0, 1] = 0
    mean, log_variance = rng.normal(size=(2, 5, 3)).astype(np.float32)
    turn, back = Turn(3), TurnBack(3)
    found_mean, found_log_variance = np.split(_set(turn, matrix, offset)(np.hstack([mean, log_variance])), 2, axis=1)
    np.testing.assert_allclose(found_mean, (mean - offset) @ matrix.T, rtol=1e-4, atol=1e-5)
    for row, found in zip(log_variance, found_log_variance, strict=True):
        covariance = matrix @ np.diag(np.exp(row)) @ matrix.T
        np.testing.assert_allclose(found, np.log(np.diag(covariance)), rtol=1e-4, atol=1e-5)
    _set(back, np.linalg.inv(matrix), offset)
    np.testing.assert_allclose(back(found_mean), mean, rtol=1e-3, atol=1e-4)


def _set(layer, matrix, offset):
    layer.build((None, 3))
    layer.set(matrix, offset)
    return layer


def test_a_turned_model_is_saved_exported_and_trained(pair, tmp_path):
    model, turned = pair[0], tfvae.rotate(mixed_vae(), SOURCES[:500])
    expected = turned.predict(SOURCES[:5], verbose=0)
    turned.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    exported = load_saved_model(export_encoder(turned, tmp_path / "encoder" / "1"))
    for found in (loaded.predict(SOURCES[:5], verbose=0), exported(SOURCES[:5])):
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
    decode = load_decoder(export_decoder(turned, tmp_path / "decoder" / "1"))
    np.testing.assert_allclose(decode(expected["mean"]), turned.decode(expected["mean"]), atol=1e-5)
    matrix = turned.encoder.layers[-1].get_weights()[0]
    turned.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    turned.fit(SOURCES[:64], batch_size=64, verbose=0)
    np.testing.assert_array_equal(turned.encoder.layers[-1].get_weights()[0], matrix)
    assert np.abs(turned.predict(SOURCES[:5], verbose=0)["mean"] - expected["mean"]).max() > 1e-3
    assert model.encoder.count_params() == 32


def test_the_gain_is_the_mutual_information_of_a_mixture():
    # Two uniform sources turned by 45 degrees are triangular.
    sources = np.random.default_rng(2).uniform(-1, 1, size=(50_000, 2))
    turn = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    # A triangle of half width w has entropy 1/2 + log w, a uniform density of width 2 has log 2; the turn has none.
    expected = 2 * (0.5 + np.log(np.sqrt(2))) - 2 * np.log(2)
    assert independence_gain(sources @ turn.T, turn.T) == pytest.approx(expected, abs=0.02)
    assert independence_gain(sources, turn) == pytest.approx(-expected, abs=0.02)
    assert independence_gain(3 * sources, np.diag([0.1, -5])) == pytest.approx(0, abs=1e-6)


def test_codes_that_have_their_axes_are_refused_unless_forced(pair):
    _, turned = pair
    with pytest.raises(ValueError, match=r"at least 0\.02 nats\. Received: codes where it falls by -?0\.0\d\d.*force"):
        tfvae.rotate(turned, SOURCES, seed=1)
    again = tfvae.rotate(turned, SOURCES, seed=1, force=True)
    np.testing.assert_allclose(again.encoder.layers[-1].get_weights()[0][:3, :3], np.eye(3), atol=0.05)


def test_the_noise_of_the_posterior_counts():
    model = mixed_vae()
    kernel, bias = model.encoder.get_weights()
    bias[4:7] = 0  # as much as the means vary: what is drawn is nearly normal, and has no axes
    model.encoder.set_weights([kernel, bias])
    with pytest.raises(ValueError, match=r"it falls by -?0\.0"):
        tfvae.rotate(model, SOURCES, active="spread")


def test_the_same_seed_finds_the_same_axes():
    one, same = (tfvae.rotate(mixed_vae(), SOURCES, images=400, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.encoder.layers[-1].get_weights()[0], same.encoder.layers[-1].get_weights()[0])


OTHERS = {"qlae", "anica", "joint_factor_vae", "info_gan", "info_wgan_gp", "information_dropout"}


@pytest.mark.parametrize("name", sorted(set(MODELS) - OTHERS))
def test_every_vae_is_turned(name):
    model, images = tiny.make(name), tiny.images(50)
    turned = tfvae.rotate(model, images, active="all", force=True)
    before, after = model.predict(images, verbose=0)["mean"], turned.predict(images, verbose=0)["mean"]
    np.testing.assert_allclose(turned.decode(after), model.decode(before), atol=1e-4)
    assert np.abs(after - before).max() > 0.1


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_models_whose_codes_are_not_normal_are_refused(name):
    with pytest.raises(TypeError, match=r"Expected a VAE w.* Received: "):
        tfvae.rotate(tiny.make(name), tiny.images(50), active="all", force=True)


def test_fewer_than_two_latents_that_count_are_refused():
    model = mixed_vae()
    model.encoder.set_weights([np.zeros((3, 8)), np.zeros(8)])
    with pytest.raises(ValueError, match=r"at least two latents that count\. Received: 0 of 4"):
        tfvae.rotate(model, SOURCES)


def test_fewer_images_than_latents_are_refused():
    with pytest.raises(ValueError, match=r"more images than the 3 latents that count\. Received: 3"):
        tfvae.rotate(mixed_vae(), SOURCES, images=3)


def test_axes_that_do_not_settle_are_reported_and_judged_by_the_gain(monkeypatch, caplog):
    monkeypatch.setattr("sklearn.decomposition.FastICA", partial(FastICA, tol=0.0))
    turned = tfvae.rotate(mixed_vae(), SOURCES)
    assert "still turned after 1,000 iterations" in caplog.text
    assert correlations(turned.predict(SOURCES, verbose=0)["mean"]).max(axis=0).min() > 0.999
    normal = np.random.default_rng(0).normal(size=SOURCES.shape).astype(np.float32)
    with pytest.raises(ValueError, match=r"total correlation turning lowers by at least 0\.02"):
        tfvae.rotate(mixed_vae(), normal @ np.linalg.inv(MIXING).T.astype(np.float32))
