import keras
import numpy as np
import pytest

from tests import tiny
from tests.objectives.test_support import by_loops
from tfvae.models import HFSBetaTCVAE, HFSBetaVAE

X = tiny.images(12)
each = pytest.mark.parametrize("base", ["beta_vae", "beta_tc_vae"])


@each
def test_loss_adds_the_weighted_distance_of_the_means_of_the_batch(base, eager):
    model = tiny.make(f"hfs_{base}", beta=2.0, support_weight=5.0)
    found = model.evaluate(X, batch_size=12, verbose=0, return_dict=True)
    expected = tiny.make(base, beta=2.0).evaluate(X, batch_size=12, verbose=0, return_dict=True)
    distance, _ = by_loops(np.float64(model(X)["mean"]))
    assert found.pop("support_distance") == pytest.approx(distance, rel=1e-4)
    assert distance > 0.1
    assert found == pytest.approx(expected | {"loss": expected["loss"] + 5 * distance}, rel=1e-4)


@each
def test_a_strong_weight_makes_the_distance_small(base):
    adam = {"optimizer": keras.optimizers.Adam(1e-2)}
    model = tiny.make(f"hfs_{base}", beta=0.0, support_weight=300.0, optimizers=adam)
    before, _ = by_loops(np.float64(model(X)["mean"]))
    model.fit(np.concatenate([X] * 150), batch_size=12, shuffle=False, verbose=0)
    assert by_loops(np.float64(model(X)["mean"]))[0] < 0.2 * before


def test_negative_weights_are_refused():
    for cls in (HFSBetaVAE, HFSBetaTCVAE):
        with pytest.raises(ValueError, match=r"support_weight of at least 0\. Received: support_weight=-1"):
            cls(tiny.encoder(), tiny.decoder(), support_weight=-1.0)
