import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.metrics.reference import factors_in, grid
from tfvae.codes import Codes
from tfvae.codes.cache import codes_key, model_digest, read_codes, write_codes
from tfvae.export import export_encoder, load_saved_model

DATA = grid((3, 4, 5))
EVERYTHING = np.arange(60)


class Counter:
    def __init__(self, posterior=True):
        self.calls = 0
        self.posterior = posterior

    def __call__(self, images):
        self.calls += 1
        mean = factors_in(images) * 0.5
        return {"mean": mean, "log_variance": -mean} if self.posterior else mean


@pytest.mark.parametrize("posterior", [True, False])
def test_the_second_time_nothing_is_encoded(tmp_path, posterior):
    first = Codes(Counter(posterior), DATA, cache=tmp_path, key="key")
    asked = first.mean(np.array([7]))
    assert first.encoded == 60
    assert [path.name for path in tmp_path.iterdir()] == ["key.npz"]
    again = Counter(posterior)
    second = Codes(again, DATA, cache=tmp_path, key="key")
    np.testing.assert_array_equal(second.mean(np.array([7])), asked)
    np.testing.assert_array_equal(second.mean(EVERYTHING), first.mean(EVERYTHING))
    assert again.calls == 0
    assert second.has_posterior == posterior
    if posterior:
        np.testing.assert_array_equal(second.log_variance(EVERYTHING), first.log_variance(EVERYTHING))


def test_another_key_is_encoded(tmp_path):
    Codes(Counter(), DATA, cache=tmp_path, key="key").encode_all()
    other = Counter()
    Codes(other, DATA, cache=tmp_path, key="other").encode_all()
    assert other.calls > 0


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"nothing like it"),
        lambda path: write_codes(path, {"mean": np.zeros((59, 3), np.float32)}),
        lambda path: write_codes(path, {"mean": np.zeros(60, np.float32)}),
        lambda path: write_codes(path, {"log_variance": np.zeros((60, 3), np.float32)}),
    ],
)
def test_damage_is_warned_of_and_mended(tmp_path, damage):
    first = Codes(Counter(), DATA, cache=tmp_path, key="key")
    expected = first.mean(EVERYTHING)
    damage(tmp_path / "key.npz")
    represent = Counter()
    with pytest.warns(UserWarning, match="is damaged.*encoded again"):
        codes = Codes(represent, DATA, cache=tmp_path, key="key")
    np.testing.assert_array_equal(codes.mean(EVERYTHING), expected)
    assert represent.calls > 0
    np.testing.assert_array_equal(read_codes(tmp_path / "key.npz", 60)["mean"], expected)


def test_what_fails_leaves_nothing(tmp_path):
    def represent(images):
        return np.where(factors_in(images) == 4, np.nan, 0)

    with pytest.raises(ValueError, match="finite"):
        Codes(represent, DATA, batch_size=8, cache=tmp_path, key="key").mean(np.array([0]))
    assert list(tmp_path.iterdir()) == []


def test_digests_are_of_what_is_computed(tmp_path):
    model, same = tiny.make("vae"), tiny.make("vae")
    assert model_digest(model) == model_digest(same) == model_digest(model.encoder)
    # The decoder makes no codes.
    same.decoder.weights[0].assign_add(tf.ones_like(same.decoder.weights[0]))
    assert model_digest(model) == model_digest(same)
    export_encoder(model, tmp_path / "1")
    export_encoder(model, tmp_path / "2")
    before = model_digest(load_saved_model(tmp_path / "1"))
    assert before == model_digest(tmp_path / "1") == model_digest(str(tmp_path / "1"))
    digest = model_digest(model)
    model.encoder.weights[0].assign_add(1e-6 * tf.ones_like(model.encoder.weights[0]))
    assert model_digest(model) != digest
    export_encoder(model, tmp_path / "3")
    assert model_digest(tmp_path / "3") != before
    assert codes_key("a", DATA) != codes_key("a", grid((3, 4, 6)))
    with pytest.raises(TypeError, match="Received: function"):
        model_digest(lambda images: images)


def test_a_cache_needs_a_key(tmp_path):
    with pytest.raises(ValueError, match="a cache and its key"):
        Codes(Counter(), DATA, cache=tmp_path)
