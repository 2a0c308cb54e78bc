import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests import tiny
from tests.models import linear_gan
from tfvae.export import export_encoder, load_saved_model
from tfvae.models import InfoGAN
from tfvae.models.passes import forward_pass

X = tiny.images(16)
EAGER = {"run_eagerly": True}  # one step takes less than its tracing


def sgd(rate, rate_of_discriminator):
    return {
        "optimizer": keras.optimizers.SGD(rate),
        "discriminator_optimizer": keras.optimizers.SGD(rate_of_discriminator),
    }


def values_of(model):
    return {
        name: [keras.ops.convert_to_numpy(weight) for weight in getattr(model, name).trainable_weights]
        for name in ("trunk", "head", "generator", "discriminator")
    }


def assert_moved(before, after, moved):
    for name, old in before.items():
        change = max(np.abs(a - b).max() for a, b in zip(old, after[name], strict=True))
        assert (change > 1e-7) == (name in moved), name


def test_a_step_equals_one_written_out_by_hand():
    model = linear_gan.make(InfoGAN, seed=3)
    model.compile(**sgd(0.3, 0.2))
    images = tiny.images(8, shape=(2, 2, 1))
    by_hand = linear_gan.ByHand(model)
    for _ in range(2):
        first, second = (linear_gan.drawn(model.step_seed(stream), 8) for stream in (0, 1))
        by_hand.discriminator_step(images.reshape(8, 4), first, rate=0.2)
        by_hand.generator_step(second, rate=0.3)
        model.train_on_batch(images)
    by_hand.assert_equal(model)


def test_data_and_generated_images_are_one_batch_of_batch_norm():
    norm = layers.BatchNormalization(center=False, scale=False, epsilon=0.0)
    trunk = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), norm])
    head = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    linear = linear_gan.make(InfoGAN)
    model = InfoGAN(
        keras.Sequential([keras.Input((2, 2, 1)), trunk, head]),
        linear.generator,
        linear.discriminator,
        categories=linear_gan.CATEGORIES,
        noise_dim=2,
    )
    with forward_pass(training=True):
        real, generated = model.features(tf.zeros([4, 2, 2, 1]), tf.ones([4, 2, 2, 1]))
    np.testing.assert_allclose(real, -np.ones([4, 4]), rtol=1e-6)
    np.testing.assert_allclose(generated, np.ones([4, 4]), rtol=1e-6)


def test_codes_follow_their_priors():
    model = tiny.make("info_gan")
    n = 4000
    inputs = model.sample(tf.zeros([n, 1]), model.step_seed(stream=0)).numpy()
    continuous, category, noise = np.split(inputs, [tiny.DIM, tiny.DIM + 10], axis=1)
    for uniform in (*continuous.T, *noise.T[:5]):
        # The Kolmogorov-Smirnov distance of n draws is above 1.95 / sqrt(n) once in a thousand.
        distance = np.abs(np.sort(uniform) - np.linspace(-1, 1, n)).max() / 2
        assert distance < 1.95 / np.sqrt(n)
    np.testing.assert_array_equal(category.sum(axis=1), np.ones(n))
    assert np.abs(category.mean(axis=0) - 0.1).max() < 4 * np.sqrt(0.09 / n)
    correlations = np.corrcoef(np.hstack([continuous, category[:, :1], noise]).T)
    assert np.abs(correlations - np.eye(len(correlations))).max() < 5 / np.sqrt(n)


def test_default_optimizers_are_the_papers():
    model = InfoGAN(**tiny.networks_of("info_gan"))
    model.compile()
    configs = [optimizer.get_config() for optimizer in (model.optimizer, model.discriminator_optimizer)]
    assert [(c["beta_1"], c["beta_2"]) for c in configs] == [(0.5, 0.999), (0.5, 0.999)]
    assert [c["learning_rate"] for c in configs] == pytest.approx([1e-3, 1e-4])


@pytest.mark.parametrize("name", ["info_gan", "info_wgan_gp"])
def test_each_half_of_a_step_moves_its_own_networks_alone(name):
    for rates, moved in (((0.0, 0.1), {"trunk", "discriminator"}), ((0.1, 0.0), {"generator", "head"})):
        model = tiny.make(name, optimizers=sgd(*rates), compiled=EAGER, **tiny.PARAMETERS[name])
        before = values_of(model)
        model.train_on_batch(tf.constant(X))
        assert_moved(before, values_of(model), moved)


def test_the_mutual_information_that_the_generator_is_paid_for_rises():
    def reached(weight):
        adam = keras.optimizers.Adam(1e-2)
        model = tiny.make("info_gan", mutual_information_weight=weight, optimizers=sgd(0.0, 0.0) | {"optimizer": adam})
        images = np.concatenate([X] * 30)
        return model.fit(images, batch_size=16, epochs=2, shuffle=False, verbose=0).history["mutual_information"][-1]

    assert reached(2.0) > reached(0.0) + 0.1


def test_decoding_repeats_itself_and_noise_is_an_argument():
    model = tiny.make("info_gan", seed=3)
    codes = np.hstack([np.full((2, tiny.DIM), 0.5), np.eye(10)[[1, 1]]]).astype(np.float32)
    images = model.decode(codes).numpy()
    np.testing.assert_allclose(images[0], images[1], atol=1e-6)
    noise = tf.random.stateless_uniform([1, 62], [3, 0], -1, 1).numpy()
    np.testing.assert_allclose(model.decode(codes, np.repeat(noise, 2, axis=0)), images, atol=1e-6)
    assert np.abs(model.decode(codes, np.vstack([noise, -noise]))[1] - images[1]).max() > 1e-3


@pytest.mark.usefixtures("eager")
def test_the_export_represents_as_the_model_does(tmp_path):
    model = tiny.make("info_gan")
    model.fit(X, batch_size=8, verbose=0)
    export_encoder(model, tmp_path / "model" / "1")
    exported, own = load_saved_model(tmp_path / "model" / "1")(X), model.predict(X, verbose=0)
    assert set(exported) == set(own) == {"mean", "probabilities"}
    for name, values in own.items():
        np.testing.assert_allclose(exported[name], values, atol=1e-6)
    np.testing.assert_allclose(own["probabilities"].sum(axis=1), np.ones(16), rtol=1e-5)
    # Batch norm uses what training has seen: an image's code does not depend on its batch.
    np.testing.assert_allclose(model.predict(X[:1], verbose=0)["mean"], own["mean"][:1], atol=1e-6)


@pytest.mark.parametrize("name", ["info_gan", "info_wgan_gp"])
def test_evaluate_changes_nothing_and_weighs_images(name):
    model = tiny.make(name, compiled=EAGER, **tiny.PARAMETERS[name])
    model.train_on_batch(tf.constant(X))
    before = tiny.weights(model), tiny.optimizer_state(model)
    results = model.evaluate(X, batch_size=5, verbose=0, return_dict=True)
    assert set(results) == set(model.logged)
    np.testing.assert_array_equal(before[0], tiny.weights(model))
    np.testing.assert_array_equal(before[1], tiny.optimizer_state(model))


def test_continuous_codes_alone_are_enough():
    model = InfoGAN(
        tiny.gan_encoder(outputs=5), tiny.gan_generator(inputs=7), tiny.gan_discriminator(), categories=0, noise_dim=2
    )
    model.compile(**EAGER)
    assert np.isfinite(list(model.train_on_batch(tf.constant(X), return_dict=True).values())).all()
    assert set(model(X)) == {"mean"}
    assert model.decode(np.zeros((2, 5), np.float32)).shape == (2, 4, 4, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise_dim": 61}, r"generator \[B, D \+ C \+ 61\].*generator \(None, 75\)"),
        ({"categories": 13}, r"D >= 1.*C=13"),
        ({"categories": 1}, "categories=1"),
        ({"mutual_information_weight": -0.1}, r"mutual_information_weight=-0\.1"),
        ({"code_stddev": 0.0}, r"code_stddev=0\.0"),
        ({"encoder": tiny.encoder()}, "an encoder of 0"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        InfoGAN(**tiny.networks_of("info_gan") | changes)
