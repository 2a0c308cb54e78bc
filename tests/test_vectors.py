"""Tables of numbers train, score and export as images do, in every model that does not need images."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import tfvae
from tests import tiny
from tfvae.data import GroundTruthData, ImageData, as_image_data, batches
from tfvae.export import export_decoder, export_encoder, load_decoder, load_saved_model
from tfvae.loading import load
from tfvae.models import MODELS

F = 5
X = 3 * np.random.default_rng(0).normal(size=(16, F)).astype(np.float32)
IN_UNIT = np.float32(1 / (1 + np.exp(-X)))
FACTORS = np.random.default_rng(1).integers(3, size=(16, 2))
VECTOR_MODELS = [name for name, cls in MODELS.items() if not cls.images_only]


def networks_of(name):
    makers = tiny.NETWORKS | tiny.OWN_NETWORKS.get(name, {})
    shaped = {network: makers[network]() for network in MODELS[name].networks}
    outputs, codes = shaped["encoder"].output_shape[-1], shaped["decoder"].input_shape[-1]
    return shaped | {
        "encoder": tiny.encoder(shape=(F,), outputs=outputs),
        "decoder": tiny.decoder(shape=(F,), dim=codes),
    }


def make(name, likelihood="gaussian"):
    parameters = {key: value for key, value in tiny.PARAMETERS.get(name, {}).items() if key != "scale"}
    model = MODELS[name](**networks_of(name), **parameters | {"likelihood": likelihood})
    model.compile(run_eagerly=True)
    return model


@pytest.mark.parametrize(
    "name", [name for name in tiny.one_of_each("representation", "bounded") if name in VECTOR_MODELS]
)
def test_a_table_is_trained_scored_saved_and_exported(name, tmp_path):
    model = make(name)
    before = tiny.weights(model)
    examples = tiny.examples(name, X)
    assert np.isfinite(model.fit(examples, batch_size=8, verbose=0).history["loss"]).all()
    assert np.any(tiny.weights(model) != before)
    assert np.isfinite(model.evaluate(examples, verbose=0, return_dict=True)["loss"])
    codes = model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    encoder = load_saved_model(export_encoder(model, tmp_path / "encoder/1"))
    for other in (model(X), loaded(X), encoder(X)):
        for key, values in codes.items():
            np.testing.assert_allclose(other[key], values, atol=1e-5, err_msg=key)

    z = np.hstack([codes[key] for key in ("mean", "probabilities") if key in codes])
    decoder = load_decoder(export_decoder(model, tmp_path / "encoder-decoder/1"))
    np.testing.assert_allclose(decoder(z), model.decode(z), atol=1e-5)
    signatures = tf.saved_model.load(str(tmp_path / "encoder/1")).signatures
    assert set(signatures) == {"serving_default"} | ({"sample"} if model.has_log_variance else set())
    traverse = tf.saved_model.load(str(tmp_path / "encoder-decoder/1")).signatures["traverse"]
    assert traverse.structured_outputs["vectors"].shape == (None, None, F)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected finite vectors"):
        encoder(X * np.inf)

    scores = tfvae.evaluate(model, (X, FACTORS), metrics=["mig"])
    assert scores["mig"]["score"] is not None
    assert np.isfinite(scores["reconstruction"]["nats"])


@pytest.mark.parametrize(
    "name", [name for name in tiny.one_of_each("bounded", "train_step", "test_step", "paired") if name in VECTOR_MODELS]
)
def test_values_are_finite_or_in_the_range_of_the_likelihood(name):
    gaussian, bernoulli = make(name), make(name, "bernoulli")
    runs = [
        lambda model, data: model.fit(tiny.examples(name, data), batch_size=8, verbose=0),
        lambda model, data: model.evaluate(tiny.examples(name, data), verbose=0),
        lambda model, data: model.predict(data, verbose=0),
        lambda model, data: model(data),
    ]
    for place, run in enumerate(runs):
        paired = gaussian.paired and place < 2
        kind, two = ("pairs of vectors", "2, ") if paired else ("vectors", "")
        expected = rf"Expected {kind}, float \(None, {two}5\)"
        run(gaussian, X), run(bernoulli, IN_UNIT)
        with pytest.raises(ValueError, match=rf"{expected} of finite values\. Received: values"):
            run(gaussian, np.where(X.max() == X, np.inf, X))
        with pytest.raises(ValueError, match=rf"{expected} in \[0, 1\]\. Received: values from"):
            run(bernoulli, X)
        with pytest.raises(ValueError, match=rf"Expected {kind}, .*Received: shape=\((16|8), {two}4\)"):
            run(gaussian, X[:, :4])


@pytest.mark.parametrize("name", [name for name in MODELS if name not in VECTOR_MODELS])
def test_gans_refuse_vectors(name):
    networks = tiny.networks_of(name)
    inputs = keras.Input((F,))
    encoder = keras.Model(inputs, keras.layers.Dense(networks["encoder"].output_shape[-1])(inputs))
    with pytest.raises(ValueError, match=r"networks of images .*Received: vectors of shape \(5,\)"):
        MODELS[name](**networks | {"encoder": encoder})
    with pytest.raises(ValueError, match="the only data that GANs take"):
        tfvae.create(name, (F,))


def test_log_likelihoods_are_those_of_scipy():
    model = MODELS["vae"](tiny.encoder(shape=(F,)), tiny.decoder(shape=(F,)), likelihood="gaussian", scale=0.5)
    z = np.random.default_rng(2).normal(size=(16, tiny.DIM)).astype(np.float32)
    means = model.decoder(z).numpy()
    expected = scipy.stats.norm.logpdf(X, means, 0.5).sum(axis=1)
    np.testing.assert_allclose(model.log_likelihood(X, z), expected, rtol=1e-4)
    np.testing.assert_allclose(model.decode(z), means, rtol=1e-6)


@pytest.mark.parametrize("shape", [(6,), (4, 3), (4, 4, 1), (2, 3, 4, 1)])
@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous_bernoulli", "gaussian"])
def test_data_of_any_rank_have_one_likelihood_an_example(shape, likelihood):
    model = MODELS["vae"](tiny.encoder(shape=shape), tiny.decoder(shape=shape), likelihood=likelihood)
    x = tiny.images(3, shape=shape)
    assert model.log_likelihood(x, tf.zeros((3, tiny.DIM))).shape == (3,)
    assert model.decode(tf.zeros((3, tiny.DIM))).shape == (3, *shape)


def test_a_decoder_of_unbounded_vectors_may_end_in_a_sigmoid():
    sigmoid = keras.Sequential([tiny.decoder(shape=(F,)), keras.layers.Activation("sigmoid")])
    sigmoid.build((None, tiny.DIM))
    MODELS["vae"](tiny.encoder(shape=(F,)), sigmoid, likelihood="gaussian")
    with pytest.raises(ValueError, match="to output logits"):
        MODELS["vae"](tiny.encoder(shape=(F,)), sigmoid)


def test_vectors_are_data_that_stay_as_they_are():
    data = as_image_data((X.astype(np.float64), FACTORS))
    assert isinstance(data, GroundTruthData)
    assert data.image_shape == (F,)
    np.testing.assert_array_equal(data.scaled(np.arange(16)), X)
    np.testing.assert_array_equal(list(data.as_dataset()), X)
    assert data.digest != as_image_data(X + 1).digest
    (batch,) = batches(ImageData("table", X), 16, steps=1)
    np.testing.assert_array_equal(np.sort(batch.numpy(), axis=0), np.sort(X, axis=0))
    for wrong, error in [(X.astype(np.int64), TypeError), (np.where(X.max() == X, np.nan, X), ValueError)]:
        with pytest.raises(error, match=r"Expected .*vectors"):
            as_image_data(wrong)


@pytest.mark.parametrize("resident", [False, True])
def test_an_experiment_on_a_table_in_a_file(tmp_path, resident):
    np.savez(tmp_path / "table.npz", vectors=X, factors=FACTORS)
    np.save(tmp_path / "table.npy", X)
    changes = {"model": "vae", "optimizers": {}, "discriminator": {}, "parameters": {"likelihood": "gaussian"}}
    changes |= {"steps": 2, "checkpoint_every": 2}
    runs = []
    for file in ("table.npz", "table.npy"):
        experiment = tiny.experiment(data=f"npz:{tmp_path / file}", **changes)
        runs.append(tfvae.train(experiment, tmp_path / f"run_{file}", resident=resident, progress=False))
    np.testing.assert_array_equal(*map(tiny.weights, runs))
    loaded = load(tmp_path / "run_table.npz")
    np.testing.assert_allclose(loaded.represent(X)["mean"], runs[0](X)["mean"], atol=1e-6)
    images_only = tiny.experiment(data=f"npz:{tmp_path}/table.npy", architecture="table_1")
    with pytest.raises(ValueError, match=r"for vectors \(F,\), choose architecture='dense'"):
        tfvae.train(images_only, tmp_path / "other", progress=False)


@pytest.mark.usefixtures("few_draws")
def test_what_needs_pictures_is_refused_or_skipped_with_the_reason(tmp_path):
    from tfvae.loading import Trained
    from tfvae.plots.traversals import draw_traversals
    from tfvae.report.page import write_report
    from tfvae.training.looks import looks

    # Three columns, as many as the channels of colours.
    model = MODELS["vae"](tiny.encoder(shape=(3,)), tiny.decoder(shape=(3,)), likelihood="gaussian")
    model.compile(run_eagerly=True)
    data = as_image_data((X[:, :3], FACTORS))
    with pytest.raises(ValueError, match=r"the data are vectors of shape \(3,\), not images"):
        draw_traversals(tmp_path / "traversals.png", model, data)
    model.fit(X[:, :3], batch_size=8, verbose=0, callbacks=looks(data, tmp_path / "logs", every=2))
    write_report(Trained(model.capabilities().represent, (3,), model), data, tmp_path / "page.html", quick=True)
    page = (tmp_path / "page.html").read_text()
    assert "sliders, traversals, images at both ends of each latent, nearest images, samples" in page
    assert "the data are vectors of shape (3,), not images" in page
    assert "16 vectors 3" in page
