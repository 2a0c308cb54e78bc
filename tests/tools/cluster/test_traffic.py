import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tools.cluster import traffic

FLOAT = 4
ROWS = 8


def parameters(model, *networks):
    return sum(int(np.prod(weight.shape)) for name in networks for weight in getattr(model, name).trainable_weights)


def counted(name, mirrored, **arguments):
    made = []
    found = traffic.of_step(lambda: made.append(tiny.make(name, **arguments)) or made[0], ROWS, mirrored)
    return found, made[0]


def check(found, *, reduced, gathered=0):
    """Checks what is exchanged besides numbers of rows: two floats each time; no other array is as small."""
    for rest in (found.reduced - reduced, found.gathered - gathered):
        assert 0 <= rest < 40 * 2 * FLOAT
        assert rest % (2 * FLOAT) == 0


def test_a_vae_sums_only_its_gradients(mirrored):
    found, model = counted("vae", mirrored)
    check(found, reduced=FLOAT * parameters(model, "encoder", "decoder"))


def test_factor_vae_gathers_the_codes_that_it_permutes(mirrored):
    found, model = counted("factor_vae", mirrored, gamma=5.0)
    gradients = FLOAT * parameters(model, "encoder", "decoder", "discriminator")
    check(found, reduced=gradients, gathered=FLOAT * ROWS // 2 * tiny.DIM)


def test_a_gradient_through_gathered_codes_is_summed_too(mirrored):
    found, model = counted("dip_vae_i", mirrored, lambda_od=2.0, lambda_d=5.0)
    codes = FLOAT * ROWS * tiny.DIM
    check(found, reduced=FLOAT * parameters(model, "encoder", "decoder") + codes, gathered=codes)


def test_in_a_ring_each_worker_sends_twice_what_is_summed_and_once_what_is_gathered():
    found = traffic.Traffic(reduced=1000, gathered=300)
    assert found.sent(1) == 0
    assert found.sent(2) == 1000 + 150
    assert found.sent(10) == pytest.approx(0.9 * 2300)


def test_one_replica_is_refused_because_it_exchanges_nothing():
    with pytest.raises(ValueError, match=r"at least 2 replicas\. Received: 1"):
        traffic.of_step(lambda: tiny.make("vae"), ROWS, tf.distribute.get_strategy())
