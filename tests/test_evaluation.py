import json

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.metrics.reference import factors_in, grid
from tfvae.codes import Codes
from tfvae.codes.codes import scaled_images
from tfvae.data import FactorTable, GroundTruthData, ImageData
from tfvae.evaluation import QUICK, evaluate
from tfvae.metrics import METRICS, ceiling

SMALL = {
    "beta_vae": {"pairs": 20, "train": 100, "evaluation": 100, "repeats": 2},
    "dci": {"trees": 5},
    "downstream": {"trees": 5, "labels": (40,)},
    "factor_vae": {"votes": 100, "evaluation_votes": 100, "batch": 10, "repeats": 2},
}


@pytest.fixture(scope="module")
def data():
    return grid((3, 4, 5))


class Encoder(tf.Module):
    """Codes [B, 3] that mix the factors, with variances that differ between the latents."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.matrix = tf.Variable(rng.normal(size=(3, 3)), dtype=tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, 1, 3, 1], tf.float32, "images")])
    def __call__(self, images):
        # A matrix product would round by the size of the batch, which depends on what else is asked for.
        factors = tf.reshape(images, [-1, 3]) * 255 - 1.5
        mean = tf.add_n([factors[:, k, tf.newaxis] * self.matrix[k] for k in range(3)])
        return {"mean": mean, "log_variance": tf.zeros_like(mean) - [0.0, 1.0, 2.0]}


def test_a_function_and_its_saved_model_score_the_same(data, tmp_path):
    encoder = Encoder()
    tf.saved_model.save(encoder, str(tmp_path), signatures=encoder.__call__)
    signature = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    result = evaluate(encoder, data, parameters=SMALL)
    assert evaluate(lambda images: signature(images=tf.constant(images)), data, parameters=SMALL) == result
    assert 1 / 3 < result["factor_vae"]["score"] < 1


def test_result_says_what_was_scored(data):
    result = evaluate(Encoder(), data, seed=3, images=20, parameters=SMALL)
    as_read = json.loads(json.dumps(result, allow_nan=False))
    assert as_read == {**result, "parameters": json.loads(json.dumps(SMALL))}
    assert set(result) == {*METRICS, "kl", "data", "digest", "seed", "images", "encoded", "parameters"}
    assert (result["data"], result["digest"], result["seed"]) == ("grid", data.digest, 3)
    assert (result["images"], result["encoded"], result["parameters"]) == (20, 60, SMALL)


def test_scores_do_not_depend_on_what_else_is_asked_for(data):
    everything = evaluate(Encoder(), data, parameters=SMALL, decode=lambda z: np.zeros((len(z), 1, 3, 1)), images=20)
    for name in METRICS:
        alone = evaluate(Encoder(), data, metrics=[name], parameters=SMALL, images=20)
        assert alone[name] == everything[name]
        # Codes differ by rounding where images are encoded in other batches.
        assert alone["kl"]["latents"] == pytest.approx(everything["kl"]["latents"], rel=1e-6)
        assert alone["parameters"] == {key: value for key, value in SMALL.items() if key == name}
    other_seed = evaluate(Encoder(), data, parameters=SMALL, seed=1)
    assert all(other_seed[name] != everything[name] for name in METRICS)


def test_all_and_one_name_are_metrics(data):
    assert evaluate(Encoder(), data, metrics="mig")["mig"] == evaluate(Encoder(), data, metrics=["mig"])["mig"]
    everything = evaluate(Encoder(), data, metrics="all", parameters=SMALL)
    assert everything == evaluate(Encoder(), data, parameters=SMALL)
    assert all({"score", "standard_error"} <= set(everything[name]) for name in METRICS)


def test_images_alone_get_what_needs_no_factors(data):
    images = ImageData("images", data.images(np.arange(60)))
    result = evaluate(Encoder(), images, parameters=SMALL, decode=lambda z: np.zeros((len(z), 1, 3, 1)))
    with_factors = evaluate(Encoder(), data, parameters=SMALL)
    for name in METRICS:
        if not METRICS[name].needs_factors:
            assert result[name] == with_factors[name]
        else:
            assert result[name] == {"score": None, "standard_error": None, "skipped": "the data have no factors"}
    assert result["kl"] == with_factors["kl"]
    assert result["reconstruction"]["nats"] == pytest.approx(3 * np.log(2))


def test_a_table_of_factors_is_scored(data):
    order = np.random.default_rng(0).permutation(60)
    table = GroundTruthData("table", FactorTable("abc", data.factors.to_factors(order)), data.images(order))
    result = evaluate(factors_in, table, parameters=SMALL)
    assert result["factor_vae"]["score"] == result["beta_vae"]["score"] == 1
    assert result["mig"]["score"] == pytest.approx(1)


def test_a_limit_is_of_the_images_that_are_encoded():
    data = grid((20, 20, 40, 20))
    calls = []

    def represent(images):
        calls.append(len(images))
        return factors_in(images)

    result = evaluate(represent, data, metrics=["mig", "factor_vae", "amari"], limit=3_000)
    assert (result["encoded"], result["limit"], result["images"]) == (3_000, 3_000, 3_000)
    assert (result["data"], result["digest"]) == ("grid", data.digest)
    assert sum(calls) < 3_000 + 512
    assert result["factor_vae"]["score"] == 1
    # As from all images, 20 values in 20 bins and 40 in 20, less the information of bins and values that 3,000
    # independent ones seem to share: 19^2 / 6,000 of log 20 nats, and 19 * 39 / 6,000 of log 40.
    ceilings, seeming = [1, 1, 1, 1 - np.log(2) / np.log(40)], [0.0602 / np.log(20)] * 3 + [0.1235 / np.log(40)]
    assert result["mig"]["score"] == pytest.approx(np.mean(ceilings) - np.mean(seeming), abs=0.01)


def test_ceilings_are_those_of_the_data(data):
    names = ["mig", "sap", "total_correlation"]
    result = evaluate(Encoder(), data, metrics=names, ceilings=True)
    for name in ("mig", "sap"):
        assert result[name]["ceiling"] == ceiling(data, metrics=[name])[name]["score"]
    assert "ceiling" not in result["total_correlation"]
    assert "ceiling" not in evaluate(Encoder(), data, metrics=names)["mig"]


def test_codes_are_kept_by_model_and_data(data, tmp_path):
    encoder = Encoder()
    tf.saved_model.save(encoder, str(tmp_path / "model"), signatures=encoder.__call__)
    calls = []

    def represent(images):
        calls.append(len(images))
        return encoder(images)

    arguments = {"metrics": ["mig"], "cache": tmp_path / "codes", "model": tmp_path / "model"}
    first = evaluate(represent, data, **arguments)
    assert sum(calls) > 0
    calls.clear()
    assert evaluate(represent, data, **arguments) == first
    assert calls == []
    evaluate(represent, data, limit=20, **arguments)
    assert sum(calls) > 0
    with pytest.raises(TypeError, match="Received: function"):
        evaluate(represent, data, metrics=["mig"], cache=tmp_path / "codes")


def test_kl_is_the_closed_form(data):
    def represent(images):
        mean = np.zeros((len(images), 2))
        mean[:, 1] = factors_in(images)[:, 2]
        return {"mean": mean, "log_variance": np.zeros_like(mean)}

    result = evaluate(represent, data, metrics=[])
    # Half the mean square of 0, 1, 2, 3, 4.
    assert result["kl"] == {"total": 3.0, "latents": [0.0, 3.0]}


def test_codes_without_a_posterior_have_no_kl(data):
    result = evaluate(factors_in, data, parameters=SMALL)
    assert "kl" not in result
    assert result["factor_vae"]["score"] == result["beta_vae"]["score"] == 1


def test_reconstruction_error_of_known_logits(data):
    def error(decode):
        return evaluate(Encoder(), data, metrics=[], decode=decode)["reconstruction"]

    # Ignorance costs log 2 a pixel.
    assert error(lambda z: np.zeros((len(z), 1, 3, 1), np.float32)) == pytest.approx(
        {"nats": 3 * np.log(2), "standard_error": 0}, abs=1e-12
    )
    # Logits of -1000: a pixel x costs 1000 x. The mean of the three factors' pixels is (1 + 1.5 + 2) / 255, their
    # variances 2/3, 5/4 and 2 (population), the grid's standard error that of 60 images.
    certain = error(lambda z: np.full((len(z), 1, 3, 1), -1000.0))
    assert certain["nats"] == pytest.approx(1000 * 4.5 / 255, rel=1e-6)
    assert certain["standard_error"] == pytest.approx(1000 / 255 * np.sqrt((2 / 3 + 5 / 4 + 2) / 59), rel=1e-6)


def test_reconstruction_error_samples_the_posterior():
    data = grid((50, 2, 40))

    def represent(images):
        pixel = factors_in(images)[:, 2:] / 20 - 1
        return {"mean": pixel, "log_variance": np.zeros_like(pixel) + np.log(4)}

    result = evaluate(represent, data, metrics=[], decode=lambda z: np.tile(z[:, None, None], (1, 1, 3, 1)))
    # Logit z ~ N(m, 4) at each of three pixels: 3 E softplus(z) - m sum x, by Gauss-Hermite quadrature.
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    m = np.arange(40) / 20 - 1
    softplus = np.log1p(np.exp(m[:, None] + 2 * nodes)) @ weights / weights.sum()
    pixels = (24.5 + 0.5 + np.arange(40)) / 255
    exact = np.mean(3 * softplus - m * pixels)
    error = result["reconstruction"]["standard_error"]
    assert error == pytest.approx(0.06, abs=0.02)
    assert result["reconstruction"]["nats"] == pytest.approx(exact, abs=4 * error)
    without_noise = np.mean(3 * np.log1p(np.exp(m)) - m * pixels)
    assert exact - without_noise > 8 * error


def test_quick_parameters_encode_few_images():
    data = grid((20, 20, 40, 20))
    result = evaluate(factors_in, data, metrics=["factor_vae", "beta_vae"], parameters=QUICK, images=2_000)
    assert result["factor_vae"]["score"] == 1
    # 400 votes of 50 images, 600 points of 20 pairs, and subsets of 2,000, 2,000 and 10,000.
    assert result["encoded"] <= 20_000 + 24_000 + 14_000


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metrics": ["mig2"]}, r"\['amari', 'beta_vae'.*'mig2'"),
        ({"parameters": {"factor": {}}}, "Received: 'factor'"),
        ({"images": 1}, "images=1"),
        ({"metrics": [], "decode": lambda z: np.zeros((len(z), 3))}, r"shape \(60, 1, 3, 1\).*\(60, 3\)"),
        ({"metrics": [], "decode": lambda z: np.full((len(z), 1, 3, 1), np.nan)}, "finite log likelihoods.*60 of 60"),
    ],
)
def test_says_what_is_wrong(data, parameters, message):
    with pytest.raises(ValueError, match=message):
        evaluate(Encoder(), data, **parameters)


def test_codes_that_are_there_are_scored_without_encoding_again(data):
    codes = Codes(Encoder(), data)
    codes.encode_all()
    calls = []
    codes._represent = calls.append
    result, expected = evaluate(codes, data, parameters=SMALL), evaluate(Encoder(), data, parameters=SMALL)
    assert calls == []
    assert [result[name] for name in SMALL] == [expected[name] for name in SMALL]
    # Batches of other sizes are rounded otherwise.
    assert result["kl"]["total"] == pytest.approx(expected["kl"]["total"], rel=1e-6)
    with pytest.raises(ValueError, match="Expected codes of the data that is scored"):
        evaluate(codes, grid((3, 4, 5)))


def test_reconstruction_error_of_another_likelihood(data):
    # A density N(x; z, 1) of each pixel, with z the code itself: -log p = (x - z)^2 / 2 + log(2 pi) / 2.
    def log_likelihood(images, z):
        return -np.sum((images[:, 0, :, 0] - z) ** 2 / 2 + np.log(2 * np.pi) / 2, axis=1)

    def represent(images):
        return {"mean": images[:, 0, :, 0] + 2.0}

    error = evaluate(represent, data, metrics=[], log_likelihood=log_likelihood)["reconstruction"]
    assert error["nats"] == pytest.approx(3 * (2 + np.log(2 * np.pi) / 2), rel=1e-6)


def test_a_model_with_a_category_is_scored():
    model = tiny.make("joint_factor_vae")
    data = grid((3, 4, 5))
    images = tiny.images(60)
    data = GroundTruthData("tiny", data.factors, np.round(images * 255).astype(np.uint8))
    result = evaluate(
        model,
        data,
        metrics=["factor_vae", "beta_vae", "mig"],
        parameters=SMALL,
        images=60,
        log_likelihood=model.log_likelihood,
    )
    assert len(result["kl"]["latents"]) == 2 + 1
    assert all(0 <= result[name]["score"] <= 1 for name in ("factor_vae", "beta_vae", "mig"))
    # With one category certain and hardly any noise, the reconstruction is that of the code's own decoding.
    model = tiny.without_noise(model)
    errors = evaluate(model, data, metrics=[], images=60, log_likelihood=model.log_likelihood)["reconstruction"]["nats"]
    x = scaled_images(data, np.arange(60))
    z = np.hstack([model(x)["mean"], np.tile([1.0, 0.0, 0.0], (60, 1))]).astype(np.float32)
    np.testing.assert_allclose(errors, -np.mean(model.log_likelihood(x, z)), rtol=1e-5)
