import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.models import linear_gan
from tfvae.models import InfoWGANGP


def sgd(rate, rate_of_discriminator):
    return {
        "optimizer": keras.optimizers.SGD(rate),
        "discriminator_optimizer": keras.optimizers.SGD(rate_of_discriminator),
    }


def test_a_step_equals_one_written_out_by_hand():
    model = linear_gan.make(InfoWGANGP, seed=4, n_critic=2, gradient_penalty_weight=3.0)
    model.compile(**sgd(0.3, 0.05))
    images = tiny.images(8, shape=(2, 2, 1))
    by_hand = linear_gan.ByHand(model)
    for _ in range(2):
        seeds = tf.random.split(model.step_seed(stream=1), 2)
        last = linear_gan.drawn(model.step_seed(stream=0), 4)
        for part, seed in enumerate(seeds):
            by_hand.critic_step(images.reshape(8, 4)[part::2], linear_gan.drawn(seed, 4), penalty_weight=3.0, rate=0.05)
        by_hand.generator_step(last, rate=0.3, wasserstein=True)
        model.train_on_batch(images)
    by_hand.assert_equal(model)


def test_terms_of_a_linear_critic():
    # Its gradient is its slope, wherever it is taken.
    model = linear_gan.make(InfoWGANGP, n_critic=1)
    model.compile()
    slope = model.discriminator.get_weights()[0]
    images = tiny.images(8, shape=(2, 2, 1))
    fake = model.generator(model.sample(images, model.test_seed(stream=0))).numpy()
    results = model.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    wasserstein = np.mean((images - fake).reshape(8, 4) @ slope)
    penalty = (np.linalg.norm(slope) - 1) ** 2
    assert results["wasserstein"] == pytest.approx(wasserstein, abs=1e-5)
    assert results["gradient_penalty"] == pytest.approx(penalty, abs=1e-5)
    assert results["discriminator_loss"] == pytest.approx(10 * penalty - wasserstein, abs=1e-4)


def test_a_linear_critic_of_white_images_learns_the_slope_that_separates_them_best():
    # Its distance is slope . (x - E G) with ||slope|| near 1: ||x - E G|| at most, or hardly more.
    model = linear_gan.make(InfoWGANGP, n_critic=2, gradient_penalty_weight=100.0)
    model.compile(optimizer=keras.optimizers.SGD(0.0), discriminator_optimizer=keras.optimizers.Adam(0.03))
    images = np.ones((200, 2, 2, 1), np.float32)
    model.fit(tf.data.Dataset.from_tensors(images).repeat(200), shuffle=False, verbose=0)
    inputs = linear_gan.drawn([1, 2], 4000)
    missing = 1 - model.generator(inputs.astype(np.float32)).numpy().reshape(4000, 4).mean(axis=0)
    results = model.evaluate(images, batch_size=200, verbose=0, return_dict=True)
    assert results["gradient_penalty"] < 1e-3
    assert results["wasserstein"] == pytest.approx(np.linalg.norm(missing), rel=0.03)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_critic": 0}, "n_critic=0"),
        ({"gradient_penalty_weight": -1.0}, r"gradient_penalty_weight=-1\.0"),
        ({"encoder": tiny.gan_encoder()}, "without batch norm"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        InfoWGANGP(**tiny.networks_of("info_wgan_gp") | changes)


def test_float16_is_refused():
    with pytest.raises(ValueError, match="mixed_bfloat16"):
        tiny.make("info_wgan_gp", dtype="mixed_float16")
