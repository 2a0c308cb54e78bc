import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.metrics.reference import factors_in, grid
from tfvae.codes import Capabilities, Codes, capabilities_of
from tfvae.data import FactorTable, GroundTruthData, ImageData
from tfvae.evaluation import QUICKLY, evaluate, limited
from tfvae.metrics import METRICS, in_all, score_codes

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


def bernoulli(decode):
    """log p(x|z) of pixels whose logits `decode` gives, as a model declares it."""

    def log_likelihood(x, z):
        logits = np.asarray(decode(z), np.float64)
        return np.sum(x * logits - np.logaddexp(0, logits), axis=(1, 2, 3))

    return log_likelihood


def zeros(z):
    return np.zeros((len(z), 1, 3, 1))


def with_likelihood(represent, decode):
    return Capabilities(represent, log_likelihood=bernoulli(decode))


def test_a_function_and_its_saved_model_score_the_same(data, tmp_path):
    encoder = Encoder()
    tf.saved_model.save(encoder, str(tmp_path), signatures=encoder.__call__)
    signature = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    result = evaluate(encoder, data, parameters=SMALL)
    assert evaluate(lambda images: signature(images=tf.constant(images)), data, parameters=SMALL) == result
    assert 1 / 3 < result["factor_vae"]["score"] < 1


def test_the_result_names_what_was_scored(data):
    result = evaluate(Encoder(), data, seed=3, num_images=20, parameters=SMALL)
    as_read = json.loads(json.dumps(result, allow_nan=False))
    assert as_read == {**result, "parameters": json.loads(json.dumps(SMALL))}
    assert set(result) == {
        *in_all(),
        "kl",
        "latents",
        "data",
        "digest",
        "seed",
        "images",
        "encoded",
        "parameters",
        "factors",
    }
    assert (result["data"], result["digest"], result["seed"]) == ("grid", data.digest, 3)
    assert (result["images"], result["encoded"], result["parameters"]) == (20, 60, SMALL)


def test_a_score_does_not_depend_on_what_else_is_scored(data):
    everything = evaluate(with_likelihood(Encoder(), zeros), data, parameters=SMALL, num_images=20)
    for name in in_all():
        alone = evaluate(Encoder(), data, metrics=[name], parameters=SMALL, num_images=20)
        assert alone[name] == everything[name]
        # Codes differ by rounding where images are encoded in other batches.
        assert alone["kl"]["latents"] == pytest.approx(everything["kl"]["latents"], rel=1e-6)
        assert alone["parameters"] == {key: value for key, value in SMALL.items() if key == name}
    other_seed = evaluate(Encoder(), data, parameters=SMALL, seed=1)
    assert all(other_seed[name] != everything[name] for name in in_all())


def test_metrics_are_all_or_one_name(data):
    assert evaluate(Encoder(), data, metrics="mig")["mig"] == evaluate(Encoder(), data, metrics=["mig"])["mig"]
    everything = evaluate(Encoder(), data, metrics="all", parameters=SMALL)
    assert everything == evaluate(Encoder(), data, parameters=SMALL)
    assert all({"score", "standard_error"} <= set(everything[name]) for name in in_all())


def test_images_without_factors_get_the_scores_that_need_none(data):
    images = ImageData("images", data.images(np.arange(60)))
    result = evaluate(with_likelihood(Encoder(), zeros), images, parameters=SMALL)
    with_factors = evaluate(Encoder(), data, parameters=SMALL)
    for name in in_all():
        if not METRICS[name].needs_factors:
            assert result[name] == with_factors[name]
        else:
            assert result[name] == {"score": None, "standard_error": None, "skipped": "the data have no factors"}
    assert result["kl"] == with_factors["kl"]
    assert result["reconstruction"]["nats"] == pytest.approx(3 * np.log(2))


def test_ignored_factors_are_not_scored_and_named_in_the_result(data):
    arguments = {"metrics": ["mig", "factor_vae"], "parameters": SMALL}
    without_one = lambda images: factors_in(images)[:, 1:]  # noqa: E731
    result = evaluate(without_one, data, ignore=["factor0"], **arguments)
    assert result["factors"] == {"discrete": {"factor1": 4, "factor2": 5}, "continuous": {}, "ignored": ["factor0"]}
    assert result["mig"]["score"] == pytest.approx(1)
    assert result["factor_vae"]["score"] == 1
    assert data.scored_factors == ("factor0", "factor1", "factor2")
    pair = data.images(np.arange(60)), data.factors.to_factors(np.arange(60))
    assert evaluate(without_one, pair, ignore=0, **arguments)["factors"] == result["factors"]
    limited_too = evaluate(Codes(without_one, data), data, ignore="factor0", **arguments)
    assert limited_too["mig"] == result["mig"]
    assert evaluate(without_one, data, ignore="factor0", limit=59, **arguments)["factors"]["ignored"] == ["factor0"]
    for wrong in (0, "shape"):
        with pytest.raises(ValueError, match=r"factors out of \['factor0', 'factor1', 'factor2'\]. Received: "):
            evaluate(without_one, data, ignore=wrong, **arguments)
    with pytest.raises(ValueError, match="Expected data with known factors"):
        evaluate(without_one, pair[0], ignore="factor0", **arguments)


def test_a_table_of_factors_is_scored(data):
    order = np.random.default_rng(0).permutation(60)
    table = GroundTruthData("table", FactorTable("abc", data.factors.to_factors(order)), data.images(order))
    result = evaluate(factors_in, table, parameters=SMALL)
    assert result["factor_vae"]["score"] == result["beta_vae"]["score"] == 1
    assert result["mig"]["score"] == pytest.approx(1)


def test_a_limit_bounds_the_images_that_are_encoded():
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


def test_codes_are_cached_by_model_and_data(data, tmp_path):
    encoder, calls = Encoder(), []

    def represent(images):
        calls.append(len(images))
        return encoder(images)

    model, other = (Capabilities(represent, digest=lambda digest=digest: digest) for digest in ("one", "two"))
    arguments = {"metrics": ["mig"], "cache": tmp_path}
    first = evaluate(model, data, **arguments)
    assert sum(calls) == 64  # filled up to a power of two
    calls.clear()
    assert evaluate(model, data, **arguments) == first
    assert calls == []
    evaluate(model, data, limit=20, **arguments)
    assert sum(calls) == 32
    evaluate(other, data, **arguments)
    assert sum(calls) > 32
    with pytest.raises(TypeError, match="Received: a function"):
        evaluate(represent, data, **arguments)


def test_kl_is_the_closed_form(data):
    def represent(images):
        mean = np.zeros((len(images), 2))
        mean[:, 1] = factors_in(images)[:, 2]
        return {"mean": mean, "log_variance": np.zeros_like(mean)}

    result = evaluate(represent, data, metrics=[])
    # Half the mean square of 0, 1, 2, 3, 4.
    assert result["kl"] == {"total": 3.0, "latents": [0.0, 3.0]}
    latents = result["latents"]
    assert (latents["rule"], latents["active"], latents["mean"]) == ("information:0.02", [False, True], [0, 2])
    # The variance of 0, 1, 2, 3, 4 is 2.
    assert latents["deviation"] == pytest.approx([0, 2**0.5])
    assert latents["information"] == pytest.approx([0, 0.5 * np.log(3)])


@pytest.mark.parametrize("rule", ["information", "kl", "spread", "all"])
def test_metrics_leave_out_latents_by_the_rule(data, rule):
    """A latent apart from the prior carries nothing, but has a KL of 4.5 nats from the prior."""

    def represent(images):
        factors = factors_in(images)
        mean = np.column_stack([factors, 3 + 1e-3 * factors[:, 0]])
        return {"mean": mean, "log_variance": np.full_like(mean, [-4.0] * factors.shape[1] + [0.0])}

    result = evaluate(represent, data, parameters=SMALL, active=rule)
    size = len(result["latents"]["active"])
    kept = size - (rule in ("information", "spread"))
    assert (result["latents"]["rule"].partition(":")[0], sum(result["latents"]["active"])) == (rule, kept)
    counts = {name: result[name]["active_latents"] for name in in_all() if "active_latents" in result[name]}
    assert len(counts) >= 13
    assert set(counts.values()) == {kept}
    codes = Codes(represent, data, active=rule)
    assert evaluate(codes, data, parameters=SMALL)["latents"] == result["latents"]
    with pytest.raises(ValueError, match=r"without limit, cache and active\. Received: .*active='kl'"):
        evaluate(codes, data, active="kl")


def test_codes_without_a_posterior_have_no_kl(data):
    result = evaluate(factors_in, data, parameters=SMALL)
    assert "kl" not in result
    assert "information" not in result["latents"]
    assert result["factor_vae"]["score"] == result["beta_vae"]["score"] == 1


def test_reconstruction_error_of_known_logits(data):
    def error(decode):
        return evaluate(with_likelihood(Encoder(), decode), data, metrics=[])["reconstruction"]

    # Ignorance costs log 2 a pixel.
    assert error(zeros) == pytest.approx({"nats": 3 * np.log(2), "standard_error": 0}, abs=1e-12)
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

    model = with_likelihood(represent, lambda z: np.tile(z[:, None, None], (1, 1, 3, 1)))
    result = evaluate(model, data, metrics=[])
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


@pytest.mark.parametrize("limit", [QUICKLY["limit"], None])
def test_a_first_look_is_what_metrics_called_by_hand_give(limit):
    data = grid((20, 20, 40, 20))
    result = evaluate(factors_in, data, metrics=["factor_vae", "mig"], seed=2, **(QUICKLY | {"limit": limit}))
    images = data if limit is None else limited(data, limit, seed=2)
    by_hand = score_codes(Codes(factors_in, images), ["factor_vae", "mig"], 2, QUICKLY["parameters"])
    assert {name: result[name] for name in by_hand} == by_hand
    assert result["factor_vae"]["score"] == 1
    assert result["images"] == 2_000
    # Without a limit: 400 votes of 50 images, and subsets of 2,000 (twice), 4,000 (twice) and 10,000 (twice).
    assert result["encoded"] <= (limit or 20_000 + 32_000)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metrics": ["mig2"]}, r"\['amari', 'beta_vae'.*'mig2'"),
        ({"parameters": {"factor": {}}}, "Received: 'factor'"),
        ({"metrics": "mig", "parameters": {"mig": {"bin": 3}}}, r"'mig' out of \['samples', 'bins', .*Received: 'bin'"),
        ({"num_images": 1}, "num_images=1"),
    ],
)
def test_a_wrong_argument_is_named(data, parameters, message):
    with pytest.raises(ValueError, match=message):
        evaluate(Encoder(), data, **parameters)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lambda x, z: np.zeros((len(x), 3)), r"log likelihoods \[60\].*\(60, 3\)"),
        (lambda x, z: np.full(len(x), np.nan), "finite log likelihoods.*60 of 60"),
    ],
)
def test_a_wrong_log_likelihood_is_refused(data, found, message):
    with pytest.raises(ValueError, match=message):
        evaluate(Capabilities(Encoder(), log_likelihood=found), data, metrics=[])


def test_images_of_another_shape_than_the_models_are_refused(data):
    with pytest.raises(ValueError, match=r"Expected images \(4, 4, 1\), the model's\. Received: \(1, 3, 1\)"):
        evaluate(tiny.make("vae"), data)


def test_arrays_are_data(data):
    images, factors = data.images(np.arange(60)), data.factors.to_factors(np.arange(60))
    names = ["mig", "factor_vae", "total_correlation"]
    arguments = {"metrics": names, "parameters": SMALL}
    expected = evaluate(factors_in, data, **arguments)
    pair = evaluate(factors_in, (images, factors), **arguments)
    alone, floats = (evaluate(factors_in, each, **arguments) for each in (images, images / 255.0))
    assert pair["mig"]["score"] == pytest.approx(expected["mig"]["score"])
    assert pair["factor_vae"]["score"] == expected["factor_vae"]["score"] == 1
    assert alone == floats
    assert alone["digest"] == pair["digest"] == data.digest
    assert alone["total_correlation"] == expected["total_correlation"]
    assert alone["mig"]["skipped"] == "the data have no factors"
    for wrong in (images * 255.0, images - 1.0):
        with pytest.raises(ValueError, match=r"Expected float images in \[0, 1\]"):
            evaluate(factors_in, wrong)
    with pytest.raises(TypeError, match="int64"):
        evaluate(factors_in, images.astype(int))


def test_functions_are_metrics_with_their_parameters(data):
    def mine(codes, rng, *, factor=1):
        return {"score": factor, "standard_error": 0.0}

    parameters = {"mine": {"factor": 3}, "sap": {}}
    for metrics in (mine, [mine], [mine, "mig"]):
        result = evaluate(factors_in, data, metrics=metrics, parameters=parameters)
        assert result["mine"] == {"score": 3.0, "standard_error": 0.0}
        assert ("mig" in result) == (metrics == [mine, "mig"])
        assert result["parameters"]["mine"] == {"factor": 3}


def test_given_codes_are_not_encoded_again(data):
    codes = Codes(Encoder(), data)
    codes.encode_all()
    calls = []
    codes.capabilities = dataclasses.replace(codes.capabilities, represent=calls.append)
    result, expected = evaluate(codes, data, parameters=SMALL), evaluate(Encoder(), data, parameters=SMALL)
    assert calls == []
    assert [result[name] for name in SMALL] == [expected[name] for name in SMALL]
    # Batches of other sizes are rounded differently.
    assert result["kl"]["total"] == pytest.approx(expected["kl"]["total"], rel=1e-6)
    with pytest.raises(ValueError, match="Expected codes of the data that is scored"):
        evaluate(codes, grid((3, 4, 5)))


def test_reconstruction_error_of_another_likelihood(data):
    # A density N(x; z, 1) of each pixel, with z the code itself: -log p = (x - z)^2 / 2 + log(2 pi) / 2.
    def log_likelihood(images, z):
        return -np.sum((images[:, 0, :, 0] - z) ** 2 / 2 + np.log(2 * np.pi) / 2, axis=1)

    def represent(images):
        return {"mean": images[:, 0, :, 0] + 2.0}

    model = Capabilities(represent, log_likelihood=log_likelihood)
    error = evaluate(model, data, metrics=[])["reconstruction"]
    assert error["nats"] == pytest.approx(3 * (2 + np.log(2 * np.pi) / 2), rel=1e-6)


def test_a_model_with_a_category_is_scored():
    model = tiny.make("joint_factor_vae")
    data = grid((3, 4, 5))
    images = tiny.images(60)
    data = GroundTruthData("tiny", data.factors, np.round(images * 255).astype(np.uint8))
    result = evaluate(model, data, metrics=["factor_vae", "beta_vae", "mig"], parameters=SMALL)
    assert len(result["kl"]["latents"]) == 2 + 1
    assert all(0 <= result[name]["score"] <= 1 for name in ("factor_vae", "beta_vae", "mig"))
    # With one category certain and hardly any noise, the reconstruction is that of the code's own decoding.
    model = tiny.without_noise(model)
    errors = evaluate(model, data, metrics=[])["reconstruction"]["nats"]
    x = data.scaled(np.arange(60))
    z = np.hstack([model(x)["mean"], np.tile([1.0, 0.0, 0.0], (60, 1))]).astype(np.float32)
    np.testing.assert_allclose(errors, -np.mean(model.log_likelihood(x, z)), rtol=1e-5)


SUPERVISED = {name for name in in_all() if METRICS[name].needs_factors}
SKIPPED = {"none": "the data have no factors", "one": "fewer than two factors vary: ['factor0']", "several": None}


@pytest.mark.parametrize("name", tiny.by_representation())
def test_every_model_is_scored_on_every_kind_of_data(name, untraced):
    model = tiny.make(name)
    able = capabilities_of(model)
    metrics = ["mig", "factor_vae", "total_correlation"]
    for kind, data in tiny_data().items():
        result = evaluate(able, data, metrics=metrics, parameters=SMALL)
        for metric in metrics:
            if metric in SUPERVISED and SKIPPED[kind]:
                assert result[metric] == {"score": None, "standard_error": None, "skipped": SKIPPED[kind]}
            else:
                assert np.isfinite(result[metric]["score"])
        assert ("reconstruction" in result) == (model.log_likelihood is not None)
        assert ("kl" in result) == model.has_log_variance
        numbers = [result["kl"]["total"]] if "kl" in result else []
        numbers += [result["reconstruction"]["nats"]] if "reconstruction" in result else []
        assert np.isfinite(numbers).all()
        json.dumps(result, allow_nan=False)


def tiny_data():
    """The same 24 images with no factor, one that varies, and several."""
    images = np.uint8(255 * tiny.images(24))
    factors = np.stack(np.unravel_index(np.arange(24), (4, 3, 2)), axis=1)
    names = [f"factor{k}" for k in range(3)]
    return {
        "none": ImageData("none", images),
        "one": GroundTruthData("one", FactorTable(names, factors * [1, 0, 0]), images),
        "several": GroundTruthData("several", FactorTable(names, factors), images),
    }
