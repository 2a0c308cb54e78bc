import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tests import reference, tiny
from tfvae.models import MODELS, VAE

X = tiny.images(16)
each_step = pytest.mark.parametrize("name", tiny.one_of_each("train_step"))


def noise(model, n, stream=0):
    return tf.random.stateless_normal([n, tiny.DIM], model.step_seed(stream)).numpy()


def matrices(network):
    return [weight.numpy() for weight in network.weights]


def terms_by_loops(model, images):
    """Reconstruction and KL [N] of a model without noise, in nats."""
    code = model(images)
    means, log_variances, logits = code["mean"], code["log_variance"], model.decoder(code["mean"])
    reconstruction = [-reference.bernoulli_log_prob(x, logit) for x, logit in zip(images, logits, strict=True)]
    kl = [reference.kl_to_standard_normal(m, v) for m, v in zip(means, log_variances, strict=True)]
    return np.array(reconstruction), np.array(kl)


def test_training_equals_a_reference_written_out():
    model = tiny.make("vae", seed=3)
    by_hand = reference.FactorVAE(
        matrices(model.encoder),
        matrices(model.decoder),
        matrices(tiny.discriminator()),
        gamma=0.0,
        update=reference.Adam(1e-3, 0.9, 0.999),
        update_discriminator=None,
    )
    for step in range(3):
        images = tiny.images(8, seed=step)
        by_hand.step(images, noise(model, 8))
        model.train_on_batch(images)
    np.testing.assert_allclose(tiny.weights(model), np.concatenate([np.ravel(w) for w in by_hand.theta]), atol=1e-6)


def test_default_optimizer_is_the_papers():
    model = VAE(tiny.encoder(), tiny.decoder())
    model.compile()
    config = model.optimizer.get_config()
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert (config["beta_1"], config["beta_2"]) == (0.9, 0.999)
    assert config["learning_rate"] == pytest.approx(1e-4)


def test_logs_of_fit_are_the_means_over_an_epoch():
    # At rate 0, an epoch is six evaluations of one model, without noise of one value.
    model = tiny.without_noise(tiny.make("vae", optimizers={"optimizer": keras.optimizers.SGD(0.0)}))
    reconstruction, kl = terms_by_loops(model, X)
    history = model.fit(X, batch_size=4, epochs=2, verbose=0).history
    assert set(history) == set(VAE.logged)
    for name, value in {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}.items():
        np.testing.assert_allclose(history[name], [value.mean()] * 2, rtol=1e-4)


@pytest.mark.parametrize("batch_size", [16, 5])
def test_evaluate_gives_means_over_images_and_changes_nothing(batch_size):
    model = tiny.without_noise(tiny.make("vae"))
    before = tiny.weights(model), tiny.optimizer_state(model)
    # A last batch of one image must not weigh as much as one of five.
    results = model.evaluate(X, batch_size=batch_size, verbose=0, return_dict=True)
    reconstruction, kl = terms_by_loops(model, X)
    assert set(results) == set(VAE.logged)
    np.testing.assert_allclose(results["reconstruction"], reconstruction.mean(), rtol=1e-4)
    np.testing.assert_allclose(results["kl"], kl.mean(), rtol=1e-4)
    np.testing.assert_allclose(results["loss"], reconstruction.mean() + kl.mean(), rtol=1e-4)
    np.testing.assert_array_equal(before[0], tiny.weights(model))
    np.testing.assert_array_equal(before[1], tiny.optimizer_state(model))


def test_evaluate_draws_the_noise_of_its_seed_and_of_each_batch():
    model, other = tiny.make("vae"), tiny.make("vae", seed=1)
    twice = np.concatenate([X, X])
    one, two = (model.evaluate(images, batch_size=16, verbose=0, return_dict=True) for images in (X, twice))
    again = model.evaluate(X, batch_size=16, verbose=0, return_dict=True)
    elsewhere = other.evaluate(X, batch_size=16, verbose=0, return_dict=True)
    assert one == again
    assert two["kl"] == pytest.approx(one["kl"]) == pytest.approx(elsewhere["kl"])
    assert abs(two["reconstruction"] - one["reconstruction"]) > 1e-3
    assert abs(elsewhere["reconstruction"] - one["reconstruction"]) > 1e-3


def test_noise_of_a_step_depends_on_seed_step_and_stream():
    draws = []
    for seed in (0, 1):
        model = tiny.make("vae", seed=seed)
        for _ in range(2):
            draws += [noise(model, 8, stream) for stream in (0, 1, 2)]
            model.train_on_batch(X)
    # Twelve draws of 24 numbers: correlations are of standard deviation 1 / sqrt(24) = 0.2.
    correlations = np.corrcoef([draw.ravel() for draw in draws])[np.triu_indices(12, 1)]
    assert np.all(np.abs(correlations) < 0.8)


def test_every_form_of_data_trains_alike():
    labels = np.arange(16)
    slices = tf.data.Dataset.from_tensor_slices
    forms = [
        (X.astype(np.float64), {"batch_size": 8}),
        (slices(X).batch(8), {}),
        (slices((X, labels)).batch(8), {}),
    ]
    results = []
    for data, arguments in forms:
        model = tiny.make("vae")
        model.fit(data, shuffle=False, verbose=0, **arguments)
        results.append(tiny.weights(model))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("name", [name for name, cls in MODELS.items() if cls.representation is VAE.representation])
def test_representation_and_reconstruction(name):
    model = tiny.make(name)
    outputs = model.predict(X, batch_size=5, verbose=0)
    mean, log_variance = np.split(model.encoder(X).numpy(), 2, axis=1)
    assert set(outputs) == {"mean", "log_variance"}
    np.testing.assert_allclose(outputs["mean"], mean, atol=1e-6)
    np.testing.assert_allclose(outputs["log_variance"], log_variance, atol=1e-6)
    np.testing.assert_allclose(model.posterior(X).stddev(), np.exp(log_variance / 2), rtol=1e-5)
    # The mean image is where a pixel's likelihood of 1 and of 0 add to one.
    decoded = model.decode(mean).numpy()
    np.testing.assert_allclose(decoded, 1 / (1 + np.exp(-model.decoder(mean).numpy())), rtol=1e-5)
    on, off = (model.likelihood(mean[:1]).log_prob(np.full((1, *tiny.SHAPE), x)) for x in (1.0, 0.0))
    np.testing.assert_allclose(on, np.log(decoded[:1]).sum(keepdims=True).ravel(), rtol=1e-4)
    np.testing.assert_allclose(off, np.log(1 - decoded[:1]).sum(keepdims=True).ravel(), rtol=1e-4)
    assert (model.latent_dim, model.image_shape) == (tiny.DIM, tiny.SHAPE)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
@each_step
def test_data_of_the_wrong_kind_is_refused(name, method):
    model = tiny.make(name)
    run = getattr(model, method)
    with pytest.raises(ValueError, match=r"float \(None, 4, 4, 1\) in \[0, 1\]. Received: .*uint8.* by 255"):
        run(np.uint8(255 * X), verbose=0)
    with pytest.raises(ValueError, match=r"float \(None, 4, 4, 1\).* Received: shape=\(None, 4, 5, 1\)"):
        run(tiny.images(16, shape=(4, 5, 1)), verbose=0)
    with pytest.raises(ValueError, match=f"{type(model).__name__} does not support sample weights"):
        run(X, X, sample_weight=np.ones(16), verbose=0)


@each_step
def test_pixels_out_of_range_are_refused_before_they_change_weights(name):
    model = tiny.make(name, **tiny.PARAMETERS.get(name, {}))
    before = tiny.weights(model)
    for wrong in (-0.01, 1.01, 255.0, np.nan, np.inf):
        images = X.copy()
        images[-1, -1, -1, -1] = wrong
        for run in (model.train_on_batch, model.test_on_batch):
            with pytest.raises(tf.errors.InvalidArgumentError, match=r"in \[0, 1\]"):
                run(images)
        np.testing.assert_array_equal(before, tiny.weights(model))


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        ({"dim": 2}, {"dim": 3}),
        ({"shape": (4, 4, 1)}, {"shape": (4, 4, 3)}),
        ({"shape": (4, 4, 1)}, {"shape": (8, 4, 1)}),
    ],
)
def test_networks_that_do_not_fit_are_refused(encoder, decoder):
    with pytest.raises(ValueError, match=r"Expected an encoder \[B, H, W, C\].* Received: encoder \(None, 4, 4, 1\)"):
        VAE(tiny.encoder(**encoder), tiny.decoder(**decoder))


@pytest.mark.parametrize(
    ("likelihood", "scale"),
    [("bernoulli", None), ("continuous_bernoulli", None), ("gaussian", None), ("gaussian", 0.1)],
)
def test_reconstruction_error_is_that_of_the_likelihood(likelihood, scale):
    model = tiny.without_noise(tiny.make("vae", likelihood=likelihood, scale=scale))
    logits = model.decoder(model(X)["mean"]).numpy().astype(np.float64)
    if likelihood == "gaussian":
        # A trained scale starts at 1, but for the least one.
        expected = scipy.stats.norm.logpdf(X, scipy.special.expit(logits), scale or 1.001)
        mean = scipy.special.expit(logits)
    else:
        expected = X * logits - np.logaddexp(0, logits)
        mean = scipy.special.expit(logits)
        if likelihood == "continuous_bernoulli":
            expected += np.log(logits / np.tanh(logits / 2))
            mean = 1 / (1 - np.exp(-logits)) - 1 / logits
    results = model.evaluate(X, verbose=0, return_dict=True)
    assert results["reconstruction"] == pytest.approx(-expected.sum(axis=(1, 2, 3)).mean(), rel=1e-4)
    np.testing.assert_allclose(model.log_likelihood(X, model(X)["mean"]), expected.sum(axis=(1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(model.decode(model(X)["mean"]), mean, rtol=1e-3)


def test_a_trained_scale_goes_to_the_root_mean_square_error():
    optimizers = {"optimizer": keras.optimizers.SGD(1e-2)}
    model = tiny.without_noise(tiny.make("vae", likelihood="gaussian", optimizers=optimizers))
    model.encoder.trainable = model.decoder.trainable = False
    model.compile(**optimizers)
    model.fit(np.concatenate([X] * 100), batch_size=16, shuffle=False, verbose=0)
    error = np.sqrt(np.mean((X - model.decode(model(X)["mean"])) ** 2))
    assert np.exp(model.log_scale.numpy()) + 1e-3 == pytest.approx(error, rel=1e-3)


def test_likelihoods_that_are_not_there_are_refused():
    networks = tiny.encoder(), tiny.decoder()
    with pytest.raises(ValueError, match=r"\['bernoulli', 'continuous_bernoulli', 'gaussian'\]. Received: .*'laplace'"):
        VAE(*networks, likelihood="laplace")
    for arguments in ({"scale": 0.1}, {"likelihood": "gaussian", "scale": 0.0}):
        with pytest.raises(ValueError, match=r"positive, and only with likelihood='gaussian'. Received: scale=0\."):
            VAE(*networks, **arguments)
