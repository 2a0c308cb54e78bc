import numpy as np
import pytest
import tensorflow as tf

from tests import reference, tiny
from tfvae.models import AdaGVAE, ada_vae
from tfvae.objectives import pairs

X = tiny.images(16)
PAIRS = np.stack([X[:8], X[8:]], axis=1)
each = pytest.mark.parametrize("name", ["ada_gvae", "ada_ml_vae"])


def encoded(model, images):
    return [np.float64(model(images)[key]) for key in ("mean", "log_variance")]


def adapted(name, means, log_variances):
    """The posteriors of two images, one latent at a time: lists of means and variances for each; and how many merge."""
    (m1, m2), (v1, v2) = means, np.exp(log_variances)
    deltas = [
        np.log(s2 / s1) / 2 + (s1 + (a - b) ** 2) / (2 * s2) - 0.5 for a, b, s1, s2 in zip(m1, m2, v1, v2, strict=True)
    ]
    middle = (max(deltas) + min(deltas)) / 2
    both = [[list(m1), list(v1)], [list(m2), list(v2)]]
    for latent, delta in enumerate(deltas):
        if delta < middle:
            a, b, s1, s2 = m1[latent], m2[latent], v1[latent], v2[latent]
            if name == "ada_gvae":
                merged = (a + b) / 2, (s1 + s2) / 2
            else:
                precision = (1 / s1 + 1 / s2) / 2
                merged = (a / s1 + b / s2) / 2 / precision, 1 / precision
            for mean, variance in both:
                mean[latent], variance[latent] = merged
    return both, sum(delta < middle for delta in deltas)


@each
def test_loss_is_the_mean_over_both_images_with_the_shared_latents_merged(name):
    model = tiny.make(name, beta=3.0, seed=2)
    noise = tf.random.stateless_normal([16, tiny.DIM], model.test_seed(stream=0)).numpy()
    found = model.evaluate(PAIRS, verbose=0, return_dict=True)
    means, log_variances = encoded(model, X)
    totals = dict.fromkeys(("reconstruction", "kl", "shared"), 0.0)
    for pair in range(8):
        places = [pair, 8 + pair]
        both, shared = adapted(name, means[places], log_variances[places])
        totals["shared"] += shared / 8
        for image, (mean, variance) in enumerate(both):
            z = np.float32(mean + np.sqrt(variance) * noise[2 * pair + image])
            logits = model.decoder(z[np.newaxis])[0]
            totals["reconstruction"] -= reference.bernoulli_log_prob(PAIRS[pair, image], logits) / 16
            totals["kl"] += reference.kl_to_standard_normal(mean, np.log(variance)) / 16
    assert 0 < totals["shared"] < tiny.DIM
    assert found == pytest.approx(totals | {"loss": totals["reconstruction"] + 3 * totals["kl"]}, rel=1e-4)


@each
def test_pairs_of_equal_images_train_like_a_beta_vae(name, eager):
    equal, rows = np.stack([X, X], axis=1), np.repeat(X, 2, axis=0)
    model, beta_vae = tiny.make(name, beta=2.0), tiny.make("beta_vae", beta=2.0)
    logs = model.fit(equal, batch_size=4, shuffle=False, verbose=0).history
    expected = beta_vae.fit(rows, batch_size=8, shuffle=False, verbose=0).history
    np.testing.assert_allclose(tiny.weights(model), tiny.weights(beta_vae), atol=1e-6)
    assert logs.pop("shared") == [0.0]
    assert {key: value[0] for key, value in logs.items()} == pytest.approx(
        {key: value[0] for key, value in expected.items()}, rel=1e-5
    )


@each
def test_merged_posteriors_pass_the_gradient_of_both_images_on(name):
    model = tiny.make(name)
    images = tf.constant(X[:2].reshape(2, *tiny.SHAPE))
    with tf.GradientTape() as tape:
        tape.watch(images)
        merge = {"ada_gvae": pairs.averaged, "ada_ml_vae": pairs.product}[name]
        posterior, shared = ada_vae.adapted(model.posterior(images), merge)
        merged = posterior.mean()[0] * tf.cast(posterior.mean()[0] == posterior.mean()[1], tf.float32)
        total = tf.reduce_sum(merged)
    assert shared.numpy().tolist() == [2.0, 2.0]
    gradient = tape.gradient(total, images).numpy()
    assert (np.abs(gradient).max(axis=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize("compiled", [{}, {"jit_compile": True}], ids=str)
def test_what_is_no_pair_of_images_is_refused(compiled):
    model = tiny.make("ada_gvae", compiled=compiled)
    for run in (model.fit, model.evaluate):
        for wrong in (X, PAIRS[..., :3, :]):
            with pytest.raises(
                ValueError, match=r"Expected pairs of images, float \(None, 2, 4, 4, 1\) in \[0, 1\]\. Rec"
            ):
                run(wrong, verbose=0)
        with pytest.raises(ValueError, match=r"Expected pairs of images, .*Received: values from 0 to 2"):
            run(2 * PAIRS, verbose=0)
    with pytest.raises(ValueError, match=r"Expected images, float \(None, 4, 4, 1\)"):
        model.predict(PAIRS, verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0)["mean"], model(X)["mean"], atol=1e-6)


def test_pairs_of_unknown_shape_are_checked_in_the_graph():
    def dataset(pairs):
        signature = tf.TensorSpec(None, tf.float32)
        return tf.data.Dataset.from_generator(lambda: iter([pairs] * 2), output_signature=signature).repeat()

    model = tiny.make("ada_gvae")
    model.fit(dataset(PAIRS), steps_per_epoch=2, shuffle=False, verbose=0)
    with pytest.raises(
        ValueError, match=r"Expected pairs of images, float \(None, 2, 4, 4, 1\).*Received: shape=\(16,"
    ):
        model.fit(dataset(X), steps_per_epoch=2, shuffle=False, verbose=0)


def test_vectors_are_paired_too(eager):
    encoder, decoder = tiny.encoder(shape=(5,)), tiny.decoder(shape=(5,))
    model = AdaGVAE(encoder, decoder, likelihood="gaussian")
    model.compile()
    pairs = np.random.default_rng(0).normal(size=(6, 2, 5)).astype(np.float32)
    assert np.isfinite(model.fit(pairs, verbose=0).history["loss"]).all()
    with pytest.raises(
        ValueError, match=r"Expected pairs of vectors, float \(None, 2, 5\) of finite values\. Received"
    ):
        model.fit(pairs[:, 0], verbose=0)


def test_a_negative_beta_is_refused():
    with pytest.raises(ValueError, match=r"at least 0\. Received: beta=-1"):
        AdaGVAE(tiny.encoder(), tiny.decoder(), beta=-1)
