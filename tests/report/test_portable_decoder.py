import base64
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from tests import tiny
from tfvae.networks import vae as networks
from tfvae.report.portable_decoder import portable


def leaky_relu(x, slope):
    return np.where(x > 0, x, slope * x)


def run(page, code):
    """What decoder.js computes, by naive loops over the same description: logits, flat."""
    weights = np.frombuffer(base64.b64decode(page["weights"]), "<f4")
    place, x = 0, np.asarray(code, np.float64)

    def take(*shape):
        nonlocal place
        place += int(np.prod(shape))
        return weights[place - int(np.prod(shape)) : place].reshape(shape).astype(float)

    for layer in page["layers"]:
        if layer["kind"] == "dense":
            x = x @ take(layer["inputs"], layer["outputs"]) + take(layer["outputs"])
        elif layer["kind"] == "conv_transpose":
            (height, width), (kh, kw), (sh, sw) = layer["size"], layer["kernel"], layer["stride"]
            kernel, bias = take(layer["inputs"], kh, kw, layer["outputs"]), take(layer["outputs"])
            y = np.tile(bias, (height * sh, width * sw, 1))
            image, top, left = x.reshape(height, width, -1), max(0, kh - sh) // 2, max(0, kw - sw) // 2
            for r, c, a, b in np.ndindex(height, width, kh, kw):
                row, column = r * sh + a - top, c * sw + b - left
                if 0 <= row < height * sh and 0 <= column < width * sw:
                    y[row, column] += image[r, c] @ kernel[:, a, b]
            x = y.ravel()
        elif layer["kind"] == "affine":
            scale, shift = take(layer["outputs"]), take(layer["outputs"])
            x = (x.reshape(-1, layer["outputs"]) * scale + shift).ravel()
        x = {
            "linear": lambda v: v,
            "relu": lambda v: np.maximum(v, 0),
            "leaky_relu": partial(leaky_relu, slope=layer.get("slope")),
            "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
            "tanh": np.tanh,
        }[layer["activation"]](x)
    assert place == weights.size
    return x


def odd_decoder():
    """Every supported kind of layer, with uneven kernels and strides, and statistics other than the initial ones."""
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(12, activation="tanh", use_bias=False),
            layers.Dense(2 * 3 * 4),
            layers.LeakyReLU(negative_slope=0.3),
            layers.Reshape((2, 3, 4)),
            layers.Conv2DTranspose(5, (3, 5), (2, 1), "same", activation="leaky_relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.ReLU(),
            layers.Conv2DTranspose(2, 1, 2, "same", use_bias=False),
            layers.BatchNormalization(scale=False, center=False),
            layers.Activation("sigmoid"),
            layers.Conv2DTranspose(3, 4, 2, "same"),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights(
        [
            rng.uniform(0.2, 1, w.shape) if "variance" in w.path else rng.normal(size=w.shape) * 0.5
            for w in model.weights
        ]
    )
    return model


@pytest.mark.parametrize(
    "decoder",
    [odd_decoder, tiny.decoder, lambda: networks.decoder((16, 32, 3), 5, units=8, dtype="mixed_bfloat16")],
    ids=["all layers", "tiny", "of the paper"],
)
def test_the_description_computes_what_the_decoder_does(decoder):
    decoder = decoder()
    page = portable(decoder)
    code = np.random.default_rng(1).normal(size=(1, page["latent_dim"])).astype(np.float32)
    expected = keras.ops.convert_to_numpy(decoder(code, training=False))
    assert page["shape"] == list(expected.shape[1:])
    # bfloat16 has three digits.
    tolerance = 0.02 if "bfloat16" in str(decoder.layers[0].dtype_policy.name) else 1e-4
    np.testing.assert_allclose(run(page, code[0]), expected.ravel(), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.UpSampling2D(), "a UpSampling2D"),
        (layers.Conv2DTranspose(1, 4, 2, "valid"), "a Conv2DTranspose"),
        (layers.Conv2DTranspose(1, 4, 1, "same", activation="gelu"), "with 'gelu'"),
        (layers.ReLU(max_value=6), "a ReLU"),
    ],
)
def test_the_error_names_the_layer_that_is_not_supported(layer, message):
    with pytest.raises(ValueError, match=message):
        portable(keras.Sequential([keras.Input((4,)), layers.Reshape((2, 2, 1)), layer]))


def test_only_a_sequence_is_described():
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match="a Functional"):
        portable(keras.Model(inputs, layers.Dense(3)(inputs)))
