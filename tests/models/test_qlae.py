import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference, tiny
from tests.networks.test_quantizer import nearest
from tfvae.codes import Codes
from tfvae.data import as_image_data
from tfvae.export import export_encoder, load_saved_model
from tfvae.metrics import score
from tfvae.models import MODELS, QLAE
from tfvae.networks import Quantizer
from tfvae.plots.traversals import traverse

X = tiny.images(8)
PIXELS = 16


def codes_of(model, images):
    """z and the quantised code, by loops over the values: float64 [N, D] each."""
    inner, layer = model.encoder.layers
    z, values = inner(images).numpy(), layer.values.numpy()
    return np.float64(z), np.float64(values[np.arange(values.shape[0]), nearest(z, values)])


def test_loss_is_the_error_of_the_quantised_code_and_two_distances_from_it():
    model = tiny.make("qlae", num_values=4, quantization_weight=0.5, commitment_weight=0.25)
    found = model.evaluate(X, batch_size=8, verbose=0, return_dict=True)
    z, quantised = codes_of(model, X)
    logits = model.decoder(np.float32(quantised))
    error = -np.mean([reference.bernoulli_log_prob(x, each) for x, each in zip(X, logits, strict=True)])
    distance = np.mean((z - quantised) ** 2)
    assert distance > 1e-3
    expected = {"reconstruction": error, "quantization": distance, "commitment": distance}
    assert found == pytest.approx(expected | {"loss": error + PIXELS * 0.75 * distance}, rel=1e-4)


def test_codes_are_values_of_their_latents():
    model = tiny.make("qlae", num_values=4)
    _, quantised = codes_of(model, X)
    for mean in (model(X)["mean"], model.predict(X, verbose=0)["mean"]):
        np.testing.assert_array_equal(mean, np.float32(quantised))


def test_indices_are_the_places_of_the_values(tmp_path):
    model = tiny.make("qlae", num_values=4)
    inner, layer = model.encoder.layers
    # In no order, as after a training.
    layer.values.assign(np.float32([[0.3, -0.2, 0.1, -0.4]] * model.latent_dim))
    expected = nearest(inner(X).numpy(), layer.values.numpy())
    assert len(np.unique(expected)) > 1
    export_encoder(model, tmp_path / "1")
    for found in (model(X), model.predict(X, verbose=0), load_saved_model(tmp_path / "1")(X)):
        np.testing.assert_array_equal(found["value_indices"], expected)
        assert np.asarray(found["value_indices"]).dtype == np.int32
        np.testing.assert_array_equal(np.float32([0.3, -0.2, 0.1, -0.4])[expected], found["mean"])


def test_tables_of_codes_have_the_indices(eager, tmp_path):
    model = tiny.make("qlae", num_values=4)
    codes = Codes(model, as_image_data(X))
    expected = np.asarray(model(X)["value_indices"])
    frame = codes.to_frame()
    np.testing.assert_array_equal(frame[["z0.index", "z1.index", "z2.index"]].to_numpy(), expected)
    codes.save(tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz") as saved:
        np.testing.assert_array_equal(saved["value_indices"], expected)
        assert saved["value_indices"].dtype.kind == "i"


def test_gradients_are_stopped_where_the_paper_stops_them():
    # One step of gradient descent at rate 1 takes the gradient away from the weights.
    weights = {"quantization_weight": 0.5, "commitment_weight": 0.25}
    model = tiny.make("qlae", num_values=4, **weights, optimizers={"optimizer": keras.optimizers.SGD(1.0)})
    inner, layer = model.encoder.layers
    before = [each.numpy() for each in (*inner.trainable_variables, layer.values)]
    z, quantised = codes_of(model, X)
    # The decoder's gradient with respect to its input, the quantised code, is what z has.
    with tf.GradientTape() as tape:
        code = tf.constant(np.float32(quantised))
        tape.watch(code)
        error = tf.reduce_mean(-model.log_likelihood(X, code))
    of_code = tape.gradient(error, code).numpy()
    of_z = of_code + PIXELS * 0.25 * 2 * (z - quantised) / z.size
    with tf.GradientTape() as tape:
        found = inner(X)
    slopes = tape.gradient(found, inner.trainable_variables, output_gradients=tf.constant(np.float32(of_z)))
    of_values = np.zeros(layer.values.shape)
    for row, places in enumerate(nearest(z, before[-1])):
        for latent, place in enumerate(places):
            of_values[latent, place] += PIXELS * 0.5 * 2 * (quantised - z)[row, latent] / z.size
    model.train_on_batch(X)
    after = [each.numpy() for each in (*inner.trainable_variables, layer.values)]
    for old, new, slope in zip(before, after, [*slopes, of_values], strict=True):
        np.testing.assert_allclose(new, old - np.asarray(slope), rtol=1e-4, atol=1e-6)


def test_traversals_go_where_the_values_have_moved(tmp_path):
    model = tiny.make("qlae", num_values=2)
    for place, (low, high) in enumerate(((-3, 5), (2, 4), (0, 1))):
        model.encoder.layers[-1].values[place].assign([low, high])
    export_encoder(model, tmp_path / "1")
    for able in (model.capabilities(), load_saved_model(tmp_path / "1").capabilities()):
        found = traverse(able.represent, model.decode, X, values=None, steps=3)
        codes = model.predict(X, verbose=0)["mean"][:, found.latents]
        np.testing.assert_allclose(found.values[:, 1], codes.mean(axis=0), rtol=1e-5)
        assert able.traversal_range is None


def test_a_latent_of_one_value_is_constant():
    model = tiny.make("qlae", num_values=1)
    codes = model(X)["mean"].numpy()
    np.testing.assert_array_equal(codes, np.full_like(codes, -0.5))
    model.fit(X, batch_size=4, verbose=0)
    codes = model(X)["mean"].numpy()
    assert (codes == codes[0]).all()


@pytest.mark.parametrize(("dtype", "scaled"), [(None, False), ("mixed_float16", False), (None, True)])
def test_weights_decay_but_biases_and_values_do_not(dtype, scaled, eager):
    def trained(decay):
        adam = keras.optimizers.Adam(0.01, weight_decay=decay)
        adam = keras.optimizers.LossScaleOptimizer(adam, initial_scale=1.0) if scaled else adam
        model = tiny.make("qlae", dtype=dtype, optimizers={"optimizer": adam})
        before = [each.numpy() for each in model.trainable_variables]
        model.train_on_batch(X)
        return model, before, [each.numpy() for each in model.trainable_variables]

    _, _, plain = trained(None)
    model, before, decayed = trained(0.5)
    for variable, old, expected, found in zip(model.trainable_variables, before, plain, decayed, strict=True):
        shrunk = 0.01 * 0.5 * old if variable.name == "kernel" else 0
        np.testing.assert_allclose(found, expected - shrunk, atol=1e-5, err_msg=variable.path)
    assert {each.name for each in model.trainable_variables} == {"kernel", "bias", "values"}


def test_the_optimizer_of_the_class_is_adamw_of_the_paper():
    model = QLAE(**tiny.networks_of("qlae"))
    model.compile()
    assert (float(model.optimizer.learning_rate.numpy()), model.optimizer.weight_decay) == (pytest.approx(1e-3), 0.1)


def test_it_learns_to_reconstruct():
    model = tiny.make("qlae", num_values=4, optimizers={"optimizer": keras.optimizers.Adam(1e-2)})
    start = model.evaluate(X, verbose=0, return_dict=True)["reconstruction"]
    model.fit(np.concatenate([X] * 100), batch_size=8, shuffle=False, verbose=0)
    assert model.evaluate(X, verbose=0, return_dict=True)["reconstruction"] < 0.9 * start


def test_metrics_take_its_codes_for_discrete(eager):
    model, images = tiny.make("qlae", num_values=3), tiny.images(200)
    codes = model.predict(images, verbose=0)["mean"]
    factors = np.random.default_rng(0).integers(3, size=(200, 2))
    found = score(codes, factors, metrics=["infoc", "mig"])
    assert found == score(codes, factors, metrics=["infoc", "mig"], parameters={"infoc": {"latents": "discrete"}})


def test_networks_that_do_not_fit_are_refused():
    networks = tiny.networks_of("qlae")
    with pytest.raises(ValueError, match=r"encoder \[B, H, W, C\] -> \[B, D\].*Received: encoder .* -> \(None, 4\)"):
        QLAE(tiny.encoder(outputs=4), networks["decoder"])
    model = MODELS["qlae"](**networks, num_values=4)
    assert isinstance(model.encoder.layers[-1], Quantizer)
    with pytest.raises(ValueError, match=r"num_values=4, those of the encoder\. Received: num_values=5"):
        QLAE(model.encoder, networks["decoder"], num_values=5)
    for name in ("quantization_weight", "commitment_weight"):
        with pytest.raises(ValueError, match=rf"{name} of at least 0\. Received: {name}=-1"):
            QLAE(**tiny.networks_of("qlae"), **{name: -1})
