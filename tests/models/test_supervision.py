"""A few labelled images: the same term for every autoencoder, whatever else it learns from."""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.models import MODELS
from tfvae.objectives.labels import LABEL_LOSSES

X = tiny.images(16)
LABELS = np.float32(np.random.default_rng(1).random((6, 2)))
SUPERVISED = [name for name, cls in MODELS.items() if cls.takes_labels]


def make(name, *, supervised=True, **arguments):
    model = tiny.make(name, optimizers={key: keras.optimizers.SGD(0.01) for key in MODELS[name].optimizers})
    if supervised:
        model.supervise(X[:6], LABELS, **arguments)
    return model


def fit(model, name, **arguments):
    images = tiny.examples(name, X)
    return model.fit(images, batch_size=8, shuffle=False, verbose=0, **arguments).history


def test_autoencoders_take_labels_and_no_others():
    assert set(MODELS) - set(SUPERVISED) == {"info_gan", "info_wgan_gp"}
    for name in set(MODELS) - set(SUPERVISED):
        with pytest.raises(ValueError, match=r"Expected a VAE or another autoencoder to supervise\. Received: Info"):
            make(name)


@pytest.mark.parametrize("name", SUPERVISED)
def test_a_step_moves_the_encoder_by_the_gradient_of_the_loss_of_the_labels(name, eager):
    plain, supervised = make(name, supervised=False), make(name, weight=3.0, loss="squared_error")
    with tf.GradientTape() as tape:
        mean = plain.representation(plain.encoder(X[:6]))["mean"]
        loss = 3.0 * LABEL_LOSSES["squared_error"](mean, LABELS)
    gradients = tape.gradient(loss, plain.encoder.trainable_variables)
    expected = [-0.01 * np.array(gradient).ravel() for gradient in gradients if gradient is not None]
    images = tf.constant(tiny.examples(name, X[:8]))
    logs = supervised.train_step(images)
    plain.train_step(images)
    moved = np.concatenate(
        [
            (np.array(own) - np.array(other)).ravel()
            for own, other, gradient in zip(
                supervised.encoder.trainable_variables, plain.encoder.trainable_variables, gradients, strict=True
            )
            if gradient is not None
        ]
    )
    np.testing.assert_allclose(moved, np.concatenate(expected), atol=1e-5)
    assert float(logs["supervision"]) == pytest.approx(float(loss) / 3, rel=1e-5)


@pytest.mark.parametrize("name", ["beta_vae", "factor_vae", "qlae"])
def test_a_weight_of_zero_changes_nothing(name, eager):
    plain, supervised = make(name, supervised=False), make(name, weight=0.0)
    logs, expected = fit(supervised, name), fit(plain, name)
    assert logs.pop("supervision")[0] > 0
    assert {key: value[0] for key, value in logs.items()} == pytest.approx(
        {key: value[0] for key, value in expected.items()}
    )
    np.testing.assert_allclose(tiny.weights(supervised), tiny.weights(plain), atol=1e-6)


def test_two_replicas_train_as_one_device(mirrored):
    found = []
    for scope in (nullcontext, mirrored.scope):
        with scope():
            model = make("vae", weight=5.0, batch_size=4)
        history = model.fit(tf.data.Dataset.from_tensor_slices(X).batch(8), shuffle=False, verbose=0).history
        found.append((tiny.weights(model), history["supervision"]))
    np.testing.assert_allclose(found[1][0], found[0][0], atol=1e-5)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-5)


def test_each_step_draws_other_images_which_the_seed_and_the_step_decide(eager):
    drawn = []
    for seed in (0, 0, 1):
        model = tiny.make("vae", seed=seed, optimizers={"optimizer": keras.optimizers.SGD(0.0)})
        model.supervise(X[:6], LABELS, batch_size=2)
        losses = []
        for _ in range(4):
            model.reset_metrics()
            losses.append(float(model.train_step(tf.constant(X))["supervision"]))
        drawn.append(losses)
    assert len({round(loss, 4) for loss in drawn[0]}) > 1
    assert drawn[0] == drawn[1] != drawn[2]


def test_fit_and_evaluate_report_it_once_it_is_there():
    model = make("vae", supervised=False)
    assert "supervision" not in fit(model, "vae")
    model.supervise(X[:6], LABELS, weight=20.0)  # after a step was traced
    first, *_, last = fit(model, "vae", epochs=20)["supervision"]
    assert last < first
    evaluated = model.evaluate(X, batch_size=16, verbose=0, return_dict=True)
    assert evaluated["supervision"] == pytest.approx(
        float(LABEL_LOSSES["cross_entropy"](model.predict(X[:6], verbose=0)["mean"], LABELS)), rel=1e-5
    )


def test_batch_norm_keeps_the_statistics_of_the_images_of_the_step(eager):
    encoder = keras.Sequential([keras.Input(tiny.SHAPE), keras.layers.BatchNormalization(), *tiny.encoder().layers])
    model = MODELS["vae"](encoder, tiny.decoder())
    model.compile(keras.optimizers.SGD(0.0))
    model.supervise(np.zeros_like(X[:6]), LABELS)
    before = np.array(encoder.layers[0].moving_mean)
    model.train_step(tf.constant(X))
    expected = 0.99 * before + 0.01 * X.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(encoder.layers[0].moving_mean, expected, rtol=1e-4)


def test_files_of_a_model_hold_no_labelled_images(tmp_path, eager):
    plain, supervised = make("vae", supervised=False), make("vae")
    for name, model in (("plain", plain), ("supervised", supervised)):
        fit(model, "vae")
        model.save(tmp_path / f"{name}.keras")
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in ("plain", "supervised")]
    assert sizes[1] == pytest.approx(sizes[0], abs=100)  # weights compress to other sizes; the images take 400
    loaded = keras.saving.load_model(tmp_path / "supervised.keras")
    assert len(loaded.variables) == len(supervised.variables)
    assert "supervision" not in fit(loaded, "vae")


@pytest.mark.parametrize(
    ("images", "labels", "arguments", "message"),
    [
        (X[:6], LABELS, {"loss": "xent"}, r"Expected loss to be one of \['covariance', .* Received: loss='xent'"),
        (X[:6], LABELS, {"weight": -1}, r"weight of at least 0, .* Received: weight=-1"),
        (X[:6], LABELS, {"weight": float("nan")}, "Received: weight=nan"),
        (X[:6], LABELS, {"weight": "high"}, "Received: weight='high'"),
        (X[:6], LABELS, {"batch_size": 0}, "batch_size=0"),
        (X[:6], [["red"]] * 6, {}, r"of numbers in \[0, 1\]\. Received: list"),
        (X[:6, :2], LABELS, {}, r"Expected images.* Received: shape=\(6, 2, 4, 1\)"),
        (X[:6] + 1, LABELS, {}, r"Expected images.* in \[0, 1\]\. Received: values from"),
        (X[:5], LABELS, {}, r"a row for each of the 5 images, with K in 1 .. 3.* Received: shape=\(6, 2\)"),
        (X[:6], LABELS[:, 0], {}, r"Received: shape=\(6,\)"),
        (X[:6], np.ones([6, 4]), {}, r"Received: shape=\(6, 4\)"),
        (X[:6], LABELS * 7, {}, r"Expected labels in \[0, 1\]\. Received: values from"),
        (X[:6], LABELS * np.nan, {}, "Received: values from nan"),
    ],
)
def test_what_is_not_a_label_is_refused(images, labels, arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny.make("vae").supervise(images, labels, **arguments)
