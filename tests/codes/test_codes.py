import copy
import math
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.metrics.reference import factors_in, grid
from tfvae.codes import Capabilities, Codes, latent_kl
from tfvae.data import ImageData


class Recorder:
    """Codes that are a known function of the factors; remembers the images that it was given."""

    def __init__(self, data):
        self.data = data
        self.calls = []

    def __call__(self, images):
        assert images.dtype == np.float32
        factors = factors_in(images)
        self.calls.append(self.data.factors.to_index(factors))
        return {"mean": factors * 0.5, "log_variance": -1.0 - factors}


def expected(data, indices):
    factors = data.factors.to_factors(indices).astype(np.float32)
    return factors * np.float32(0.5), -1 - factors


@pytest.fixture
def data():
    return grid((3, 4, 5))


def test_looks_codes_up_and_encodes_each_image_once(data):
    represent = Recorder(data)
    codes = Codes(represent, data, batch_size=8)
    asked = set()
    for indices in ([7, 7, 3], [3, 59, 0, 7], np.random.default_rng(0).integers(60, size=500), range(60)):
        indices = np.array(indices)
        asked |= set(indices.tolist())
        mean, log_variance = expected(data, indices)
        np.testing.assert_array_equal(codes.means(indices), mean)
        np.testing.assert_array_equal(codes.log_variance(indices), log_variance)
        assert codes.encoded == len(asked)
        seen = [index for call in represent.calls for index in set(call.tolist())]
        assert sorted(seen) == sorted(asked)  # no image is in two calls
    codes.encode_all()
    assert codes.means(np.arange(60)).dtype == np.float32
    assert sum(len(set(call.tolist())) for call in represent.calls) == 60


def test_batches_have_few_sizes(data):
    represent = Recorder(data)
    codes = Codes(represent, data, batch_size=12)
    for number in range(1, 30):
        codes.means(np.arange(number * 2))
    codes.encode_all()
    assert {len(call) for call in represent.calls} <= {1, 2, 4, 8, 12}
    represent.calls.clear()
    Codes(represent, data, batch_size=12).encode_all()
    assert [len(call) for call in represent.calls] == [12] * 5


@pytest.mark.parametrize("kind", ["array", "tensor", "mean alone", "tensors"])
def test_takes_arrays_and_tensors(data, kind):
    def represent(images):
        output = Recorder(data)(images)
        return {
            "array": lambda: output["mean"],
            "tensor": lambda: tf.constant(output["mean"]),
            "mean alone": lambda: {"mean": output["mean"]},
            "tensors": lambda: {key: tf.constant(value) for key, value in output.items()},
        }[kind]()

    codes = Codes(represent, data)
    indices = np.array([5, 0, 59])
    mean, log_variance = expected(data, indices)
    np.testing.assert_array_equal(codes.means(indices), mean)
    assert codes.latent_dim == 3
    if kind == "tensors":
        np.testing.assert_array_equal(codes.log_variance(indices), log_variance)
    else:
        assert not codes.has_posterior
        assert latent_kl(codes.outputs(indices)) is None


def test_from_arrays_equals_encoding(data):
    encoded = Codes(Recorder(data), data)
    codes = Codes.from_arrays(data, *expected(data, np.arange(60)))
    indices = np.array([4, 58])
    assert codes.encoded == 60
    np.testing.assert_array_equal(codes.means(indices), encoded.means(indices))
    np.testing.assert_array_equal(codes.outputs(indices)["log_variance"], encoded.outputs(indices)["log_variance"])


def test_a_category_is_the_last_latent(data, tmp_path):
    probabilities = np.random.default_rng(0).dirichlet([0.5, 0.5, 0.5], size=60).astype(np.float32)
    probabilities[0] = [0, 1, 0]
    order = np.random.default_rng(1).permutation(60)

    def represent(images):
        rows = data.factors.to_index(factors_in(images))
        return {**Recorder(data)(images), "probabilities": probabilities[rows]}

    for codes in (
        Codes(represent, data, batch_size=8),
        *(Codes(represent, data, cache=tmp_path, key="k") for _ in "ab"),
    ):
        mean = codes.means(order)
        assert mean.dtype == np.float32
        assert codes.latent_dim == 4
        assert codes.discrete == (3,)
        np.testing.assert_array_equal(mean[:, :3], expected(data, order)[0])
        np.testing.assert_array_equal(mean[:, 3], probabilities[order].argmax(axis=1))
        np.testing.assert_array_equal(codes.log_variance(order), expected(data, order)[1])
        np.testing.assert_array_equal(codes.probabilities(order), probabilities[order])
    assert Codes(Recorder(data), data).discrete == ()


def test_draws_codes_from_the_posterior(data):
    mean, log_variance = np.tile([1.0, -2.0], (60, 1)), np.tile([0.0, math.log(0.25)], (60, 1))
    # Three that are possible: the difference of two Gumbel draws would not show the sign of the noise.
    probabilities = np.tile([0.1, 0.0, 0.3, 0.6], (60, 1))
    codes = Codes.from_arrays(data, mean, log_variance, probabilities)
    z = codes.sample(np.zeros(20_000, int), np.random.default_rng(0))
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(axis=0), [1, -2, 0.1, 0, 0.3, 0.6], atol=0.02)
    np.testing.assert_allclose(z[:, :2].std(axis=0), [1, 0.5], atol=0.02)
    assert set(z[:, 2:].ravel()) == {0.0, 1.0}
    np.testing.assert_array_equal(z[:, 2:].sum(axis=1), 1)
    np.testing.assert_array_equal(Codes.from_arrays(data, mean).sample(np.arange(60), np.random.default_rng(0)), mean)


@pytest.mark.parametrize(
    ("represent", "message"),
    [
        (lambda x: np.zeros((len(x), 2, 2)), r"Expected codes \[B, D\].*shape=\(4, 2, 2\)"),
        (lambda x: np.zeros((3, 2)), r"Expected codes \[B, D\].*shape=\(3, 2\) for B=4"),
        (lambda x: np.zeros(len(x)), r"Expected codes \[B, D\]"),
        (lambda x: {"z": np.zeros((len(x), 2))}, r"keys=\['z'\]"),
        (lambda x: {"mean": np.zeros((len(x), 2)), "log_variance": np.zeros((len(x), 1))}, "Expected log variances"),
        (lambda x: np.where(factors_in(x) == 2, np.nan, 0), r"Expected finite codes \[B, D\].*for 1 of 4"),
        (lambda x: {"mean": np.zeros((4, 2)), "log_variance": np.full((4, 2), np.inf)}, "finite log variances"),
        (
            lambda x: {"mean": np.zeros((4, 2)), "probabilities": np.ones((3, 2)) / 2},
            r"probabilities \[B, C\], one row",
        ),
        (lambda x: {"mean": np.zeros((4, 2)), "probabilities": np.ones((4, 2))}, "rows of sum 1.*sums 2 to 2"),
        (lambda x: {"mean": np.zeros((4, 2)), "probabilities": np.tile([-0.5, 1.5], (4, 1))}, "minimum -0.5"),
    ],
)
def test_rejects_invalid_codes(data, represent, message):
    codes = Codes(represent, data)
    with pytest.raises(ValueError, match=message):
        codes.means(np.array([0, 1, 2, 3]))
    assert codes.encoded == 0


def test_rejects_outputs_that_change(data):
    widths = iter([2, 3])
    codes = Codes(lambda x: np.zeros((len(x), next(widths))), data)
    codes.means(np.array([0]))
    with pytest.raises(ValueError, match=r"columns \{'mean': 2\}. Received: \{'mean': 3\}"):
        codes.means(np.array([1]))


@pytest.mark.parametrize(
    ("indices", "error"),
    [([-1], IndexError), ([60], IndexError), ([0.5], ValueError), ([[1]], ValueError), ([], ValueError)],
)
def test_rejects_invalid_indices(data, indices, error):
    with pytest.raises(error, match=r"Expected .*indices"):
        Codes(Recorder(data), data).means(np.array(indices))


def test_rejects_empty_batches(data):
    with pytest.raises(ValueError, match="batch_size=0"):
        Codes(Recorder(data), data, batch_size=0)


@pytest.mark.parametrize("terminal", [True, False])
def test_shows_progress_on_a_terminal_alone(data, terminal, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    Codes(Recorder(data), data).encode_all()
    assert ("0/60" in capsys.readouterr().err) == terminal


def test_encodes_with_what_a_model_declares(data):
    class Trained:
        def capabilities(self):
            return Capabilities(Recorder(data))

    for model in (Trained(), Capabilities(Recorder(data))):
        np.testing.assert_array_equal(Codes(model, data).means(np.arange(60)), expected(data, np.arange(60))[0])
    with pytest.raises(TypeError, match="Received: a str"):
        Codes("model", data)


@pytest.mark.parametrize("offset", [0.0, 1.7e9, -1e9])
@pytest.mark.parametrize("by_name", [False, True])
def test_codes_of_a_function_in_float64_keep_their_digits(data, offset, by_name):
    values = np.random.default_rng(1).normal(size=(len(data), 2))
    shifted = values + np.array([offset, 3.0])

    def represent(images):
        places = np.round(images[:, 0, 0, 0] * 255).astype(int)
        return {"mean": shifted[places]} if by_name else shifted[places]

    images = np.zeros((len(data), 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(data))
    codes = Codes(represent, ImageData("numbered", images), batch_size=8)
    view = copy.copy(codes)
    assert view.means(np.array([3])).shape == (1, 2)  # a single image, which shows no range
    found = codes.means(np.arange(len(data))).astype(float)
    # float64 itself has a precision of 2e-7 there.
    np.testing.assert_allclose(found - found[0], values - values[0], atol=1e-5)
    np.testing.assert_allclose(codes.outputs(np.arange(9))["mean"], shifted[:9], rtol=1e-6)
    assert codes.encoded == len(data)


def test_codes_show_themselves_without_encoding_an_image():
    data = ImageData("mine", np.random.default_rng(0).integers(2, 256, (6, 2, 2, 1), np.uint8))
    codes = Codes(lambda images: {"mean": images[:, :, 0, 0], "log_variance": 0 * images[:, :, 0, 0]}, data)
    assert repr(codes) == "<Codes of mine, encoded 0 of 6>"
    assert "<table>" in codes._repr_html_()
    assert codes.encoded == 0
    codes.means(np.arange(4))
    assert repr(codes) == "<Codes of mine, encoded 4 of 6, mean [N, 2], log_variance [N, 2]>"
    shown = codes._repr_html_()
    assert codes.encoded == 4
    assert f"{codes.means(np.arange(4))[:, 1].mean():.3f}" in shown
    assert [shown.index(name) for name in ("deviation", "nats")]
