from contextlib import nullcontext

import keras
import numpy as np
import pytest

from tests import reference, tiny
from tfvae.models import AnnealedVAE

X = tiny.images(16)


def test_capacity_rises_by_the_optimizers_steps_and_stays():
    model = tiny.make("annealed_vae", gamma=3.0, c_max=6.0, annealing_steps=4)
    for expected in (1.5, 3.0, 4.5, 6.0, 6.0, 6.0):
        model.train_on_batch(X)
        assert float(model.capacity()) == pytest.approx(expected)


def test_a_loaded_model_has_the_capacity_of_its_step(tmp_path):
    model = tiny.make("annealed_vae", c_max=6.0, annealing_steps=4)
    for _ in range(3):
        model.train_on_batch(X)
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").capacity() == 4.5


def test_loss_is_that_of_the_capacity_before_the_step():
    model = tiny.make("annealed_vae", gamma=3.0, c_max=8.0, annealing_steps=2)
    for expected in (0.0, 4.0, 8.0):
        model.reset_metrics()
        logs = model.train_on_batch(X, return_dict=True)
        assert logs["capacity"] == pytest.approx(expected)
        total = logs["reconstruction"] + 3.0 * abs(logs["kl"] - expected)
        assert logs["loss"] == pytest.approx(total, rel=1e-5)


def by_kl(model):
    """The images in ascending order of their KL, and these, float64 [B]."""
    codes = model(X)
    kl = [reference.kl_to_standard_normal(*code) for code in np.stack([*codes.values()], axis=1).astype(np.float64)]
    order = np.argsort(kl)
    return X[order], np.array(kl)[order]


@pytest.mark.usefixtures("eager")
def test_the_capacity_is_that_of_the_batch_and_not_of_each_image(copying):
    for scope in (nullcontext, copying.scope):
        model = tiny.make("annealed_vae", gamma=50.0, annealing_steps=1, scope=scope)
        images, kl = by_kl(model)
        model.optimizer.iterations.assign(1)
        # The first half of the images, which is one replica's, has less than C, and most of the second half has more.
        capacity = model.c_max = float(np.median(kl))
        assert kl[:8].mean() < capacity < kl[8:].mean()
        of_batch, of_each = abs(kl.mean() - capacity), np.abs(kl - capacity).mean()
        of_halves = np.abs(kl.reshape(2, 8).mean(axis=1) - capacity).mean()
        assert 50 * (min(of_each, of_halves) - of_batch) > 1
        trained = model.fit(images, batch_size=16, shuffle=False, verbose=0).history
        penalty = trained["loss"][0] - trained["reconstruction"][0]
        assert penalty == pytest.approx(50 * of_batch, abs=1e-2)
        assert trained["kl"][0] == pytest.approx(kl.mean(), rel=1e-5)


def test_the_kl_goes_to_the_capacity():
    model = tiny.make("annealed_vae", gamma=100.0, c_max=2.0, annealing_steps=50)
    model.fit(np.concatenate([X] * 300), batch_size=16, shuffle=False, verbose=0)
    assert model.evaluate(X, verbose=0, return_dict=True)["kl"] == pytest.approx(2.0, abs=0.3)


def test_arguments_out_of_range_are_refused():
    for arguments in ({"gamma": -1.0}, {"c_max": -1.0}, {"annealing_steps": 0}):
        with pytest.raises(ValueError, match=r"annealing_steps of at least 1\. Received: gamma="):
            AnnealedVAE(tiny.encoder(), tiny.decoder(), **arguments)
