import numpy as np
import pytest

from tests import tiny
from tests.training.runs import ADAM, run, state
from tfvae.data import paired

SETTINGS = {"model": "ada_gvae", "parameters": {"beta": 2.0}, "optimizers": ADAM, "steps": 6}


def pairs():
    """Blobs, each with two partners, one of which is drawn at random."""
    places = np.arange(40)
    return paired(tiny.Blobs(), np.stack([places, (places + 1) % 40], axis=1))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return state(run(tiny.experiment(**SETTINGS), tmp_path_factory.mktemp("whole"), data=pairs()))


def test_a_run_on_pairs_resumes_as_if_nothing_had_happened(whole, tmp_path):
    run(tiny.experiment(**SETTINGS | {"steps": 4}), tmp_path, data=pairs())
    np.testing.assert_array_equal(state(run(tiny.experiment(**SETTINGS), tmp_path, data=pairs())), whole)


def test_pairs_on_the_device_change_nothing(whole, tmp_path):
    np.testing.assert_array_equal(state(run(tiny.experiment(**SETTINGS), tmp_path, data=pairs(), resident=True)), whole)


def test_two_replicas_train_on_the_pairs_of_one_device(whole, tmp_path, mirrored):
    model = run(tiny.experiment(**SETTINGS), tmp_path, data=pairs(), strategy=mirrored)
    np.testing.assert_allclose(state(model), whole, atol=1e-5)


def test_a_model_of_pairs_needs_them_and_others_say_that_they_do_not(tmp_path, caplog):
    with pytest.raises(ValueError, match=r"data of pairs for ada_gvae, such as .*Received: 'blobs'"):
        run(tiny.experiment(**SETTINGS), tmp_path / "run", data=tiny.Blobs())
    assert not (tmp_path / "run").exists()
    settings = {"model": "vae", "parameters": {}, "optimizers": ADAM, "steps": 2, "checkpoint_every": 2}
    runs = [
        run(tiny.experiment(**settings), tmp_path / str(i), data=data) for i, data in enumerate([tiny.Blobs(), pairs()])
    ]
    np.testing.assert_array_equal(*map(state, runs))
    assert "vae learns from single images: it has no use for the pairs of blobs?pairs=listed" in caplog.text
