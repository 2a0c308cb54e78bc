import numpy as np
import pytest

from tfvae.networks import dense_decoder, dense_encoder


def relu(x):
    return np.maximum(x, 0)


@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)])
def test_networks_equal_matrix_products(shape):
    rng, size = np.random.default_rng(0), int(np.prod(shape))
    for make, inputs, outputs in ((dense_encoder, shape, (4,)), (dense_decoder, (2,), shape)):
        network = make(shape, 2, units=7, depth=2, seed=1)
        network.set_weights([rng.normal(size=weight.shape) for weight in network.get_weights()])
        w1, b1, w2, b2, w3, b3 = network.get_weights()
        x = rng.normal(size=(3, *inputs)).astype(np.float32)
        expected = relu(relu(x.reshape(3, -1) @ w1 + b1) @ w2 + b2) @ w3 + b3
        np.testing.assert_allclose(network(x), expected.reshape(3, *outputs), rtol=1e-4, atol=1e-4)
        assert w1.shape == ((size if make is dense_encoder else 2), 7)


def test_initial_weights_follow_from_the_seed():
    one, same, other = (dense_decoder((5,), 2, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("make", [dense_encoder, dense_decoder])
@pytest.mark.parametrize(("shape", "dim"), [((0,), 2), ((), 2), ((5,), 0)])
def test_sizes_below_one_are_refused(make, shape, dim):
    with pytest.raises(ValueError, match=r"at least 1\. Received: "):
        make(shape, dim)
