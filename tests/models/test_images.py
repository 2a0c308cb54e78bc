"""Every model refuses what are not its images, in words, and takes a last batch of any size."""

from contextlib import nullcontext
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.data import as_image_data
from tfvae.evaluation import evaluate
from tfvae.export import export_encoder, load_saved_model
from tfvae.models import MODELS, create
from tfvae.models.images import checked, refused_in_words
from tfvae.plots.traversals import decoder_inputs, draw_traversals

X = tiny.images(8)
WORDS = r"Expected images, float \(None, 4, 4, 1\) in \[0, 1\]\. Received: "
PAIRS = r"Expected pairs of images, float \(None, 2, 4, 4, 1\) in \[0, 1\]\. Received: "


def with_pixel(value):
    images = X.copy()
    images[-1, -1, -1, -1] = value
    return images


# What is given, and what the message says of it.
NOT_IMAGES = {
    "of another size": (tiny.images(8, shape=(8, 8, 1)), r"shape=\(8, 8, 8, 1\)"),
    "of other channels": (tiny.images(8, shape=(4, 4, 3)), r"shape=\(8, 4, 4, 3\)"),
    "in the order of torch": (tiny.images(8, shape=(1, 4, 4)), r"shape=\(8, 1, 4, 4\)"),
    "flattened": (X.reshape(8, 16), r"shape=\(8, 16\)"),
    "without channels": (X[..., 0], r"shape=\(8, 4, 4\)"),
    "uint8": (np.uint8(255 * X), r"uint8 \(divide pixels of 0 to 255 by 255\)"),
    "bool": (X > 0.5, "bool"),
    "0 to 255": (255 * X, r"values from 0\.0 to 255\.0"),
    "-1 to 1": (2 * X - 1, r"values from -1\.0 to 1\.0"),
    "NaN": (with_pixel(np.nan), "values from nan to nan"),
    "infinite": (with_pixel(np.inf), r"values from 0\.0 to inf"),
}
RUNS = {
    "fit": lambda model, data: model.fit(data, batch_size=8, verbose=0),
    "evaluate": lambda model, data: model.evaluate(data, batch_size=8, verbose=0),
    "predict": lambda model, data: model.predict(data, batch_size=8, verbose=0),
}
EAGERLY = {"run_eagerly": True}  # what a graph must equal: one graph is enough to wait for
in_graphs = pytest.mark.parametrize("name", tiny.one_of_each("train_step"))
# Steps that leave out what is not a multiple; of the models whose steps need one image alone, the first.
LEAVING_OUT = {"vae", "factor_vae", "joint_factor_vae", "info_wgan_gp"}
LEAVING_OUT = [name for name, cls in MODELS.items() if name in LEAVING_OUT or cls.batch_multiple > 1]
ASKING = tiny.one_of_each("train_step", "test_step", "call", "representation", "posterior", "other_codes")


def datasets_of_unknown_shape(images):
    """Images as a data set, of which TensorFlow knows the dtype alone, as after `tf.io.decode_png`."""
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(8)
    return dataset.map(lambda batch: tf.py_function(lambda x: x, [batch], tf.float32))


# One check serves all models: those after the first two show that each step and call asks for it, about shapes and
# about values.
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("name", "kinds"),
    [("vae", NOT_IMAGES), ("ada_gvae", NOT_IMAGES), *((name, ("of another size", "0 to 255")) for name in ASKING)],
    ids=lambda value: value if isinstance(value, str) else len(value),
)
def test_what_are_not_its_images_is_refused_and_changes_nothing(name, kinds):
    model = tiny.make(name, **tiny.PARAMETERS.get(name, {}))
    model.train_on_batch(tiny.examples(name, X))
    before = tiny.weights(model), tiny.optimizer_state(model)
    for data, received in map(NOT_IMAGES.get, kinds):
        for kind, run in {**RUNS, "call": lambda model, data: model(data)}.items():
            given, words = data, WORDS + received
            if model.paired and kind in ("fit", "evaluate"):
                given = tiny.examples(name, data)
                words = PAIRS + received.replace(r"shape=\(8,", r"shape=\(8, 2,")
            with pytest.raises(ValueError, match=words):
                run(model, given)
    np.testing.assert_array_equal(before[0], tiny.weights(model))
    np.testing.assert_array_equal(before[1], tiny.optimizer_state(model))


@in_graphs
def test_a_data_set_of_unknown_shape_is_checked_when_it_is_read(name):
    model, known = (tiny.make(name, compiled=each, **tiny.PARAMETERS.get(name, {})) for each in (None, EAGERLY))
    before = tiny.weights(model), tiny.optimizer_state(model)
    # An evaluation and a prediction encode in all models as in the first.
    for run in ("fit", "evaluate", "predict") if name == "vae" else ("fit",):
        for images, received in [NOT_IMAGES["of another size"], NOT_IMAGES["flattened"], NOT_IMAGES["0 to 255"]]:
            # A graph prints fewer digits.
            with pytest.raises(ValueError, match=WORDS + received.replace(r"\.0", "")):
                getattr(model, run)(
                    datasets_of_unknown_shape(images), verbose=0, **({"shuffle": False} if run == "fit" else {})
                )
    np.testing.assert_array_equal(before[0], tiny.weights(model))
    np.testing.assert_array_equal(before[1], tiny.optimizer_state(model))
    model.fit(datasets_of_unknown_shape(X), shuffle=False, verbose=0)
    known.fit(X, batch_size=8, shuffle=False, verbose=0)
    # Batch norm sums in another order.
    np.testing.assert_allclose(tiny.weights(model), tiny.weights(known), atol=1e-5 if "gan" in name else 1e-6)


def test_a_second_fit_on_other_shapes_is_refused():
    # The steps of the others check images that are known to a graph as little: the test before this.
    model = tiny.make("vae")
    model.fit(X, batch_size=8, verbose=0)
    before = tiny.weights(model)
    # TensorFlow traces a second graph, for the shapes that the two have in common: (None, None, None, 1), or any.
    for kind in ("of another size", "flattened"):
        with pytest.raises(ValueError, match=WORDS + "shape="):
            model.fit(NOT_IMAGES[kind][0], batch_size=8, verbose=0)
    np.testing.assert_array_equal(before, tiny.weights(model))


@pytest.mark.parametrize("spec", [tf.TensorSpec(None), tf.TensorSpec((None, None, None, None))], ids=str)
def test_images_are_unchanged_where_the_shape_is_known_only_in_the_graph(spec):
    function = tf.function(lambda images: checked(images, tiny.SHAPE), input_signature=[spec])
    assert function.get_concrete_function().output_shapes == tf.TensorShape((None, *tiny.SHAPE))
    for images in (X, X[:1], X[:0]):
        np.testing.assert_array_equal(function(images), images)
    for kind in ("of another size", "in the order of torch", "0 to 255", "NaN"):
        images, received = NOT_IMAGES[kind]
        with pytest.raises(ValueError, match=WORDS + received.replace(r"\.0", "")), refused_in_words():
            function(images)


def test_other_errors_of_a_graph_stay_as_they_are():
    with pytest.raises(tf.errors.InvalidArgumentError, match="another error"), refused_in_words():
        tf.debugging.Assert(tf.constant(False), ["another error"])


def test_images_in_half_precision_are_not_refused_for_their_sum():
    # float16 ends at 65,504.
    white = tf.ones((5000, *tiny.SHAPE), tf.float16)
    np.testing.assert_array_equal(checked(white, tiny.SHAPE), np.ones(white.shape))


def test_rounding_past_the_bounds_is_not_refused():
    images = with_pixel(1 + 1e-6)
    np.testing.assert_array_equal(checked(images, tiny.SHAPE), images)
    with pytest.raises(ValueError, match="values from"):
        checked(with_pixel(1 + 1e-4), tiny.SHAPE)


@pytest.mark.parametrize(
    ("data", "received"),
    [
        ({"label": X, "image": X}, r"a dict of \['image', 'label'\] \(give the images alone, as with dataset\.map"),
        ((X, X), r"a tuple of 2 \(give the images themselves, as one array\)$"),
        ([X], r"a list of 1 \(give the images themselves"),
        (tf.ragged.constant([[1.0], []]), "RaggedTensor$"),
        (tf.constant(["a.png"]), "string$"),
        (X > 0, "bool$"),
    ],
    ids=str,
)
def test_the_message_fits_what_was_given(data, received):
    with pytest.raises(ValueError, match=WORDS + received):
        checked(data, tiny.SHAPE)


@pytest.mark.usefixtures("eager")
def test_a_data_set_of_dicts_is_refused_with_its_keys():
    rows = tf.data.Dataset.from_tensor_slices({"image": X, "label": np.arange(8)}).batch(8)
    model = tiny.make("vae")
    for run in (partial(model.fit, shuffle=False), model.evaluate, model.predict):
        with pytest.raises(ValueError, match=WORDS + r"a dict of \['image', 'label'\] \(give the images alone"):
            run(rows, verbose=0)


def test_a_model_can_be_a_layer_of_another():
    model = tiny.make("vae")
    inputs = keras.Input(tiny.SHAPE)
    outer = keras.Model(inputs, model(inputs)["mean"])
    np.testing.assert_allclose(outer(X), model(X)["mean"], atol=1e-6)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", LEAVING_OUT)
def test_batches_of_any_size_train_as_the_images_that_a_step_needs(name, copying):
    sizes = (7, 3, 2, 1)
    parts = [np.split(tiny.examples(name, tiny.images(size, seed=size)), [-(-size // 2)]) for size in sizes]

    # On two replicas, models whose steps need one image alone: `test_two_replicas_train_like_one_device`.
    scopes = [(nullcontext, False), (copying.scope, True)][: MODELS[name].batch_multiple + ("wgan" in name)]
    for scope, split in scopes:
        model, expected = (
            tiny.make(name, scope=each, seed=4, **tiny.PARAMETERS.get(name, {})) for each in (scope, nullcontext)
        )
        multiple = model.batch_multiple
        # Each replica leaves out what is not a multiple; a batch of which nothing is left makes no step.
        shares = [each if split else [np.concatenate(each)] for each in parts]
        used = [np.concatenate([rows[: len(rows) // multiple * multiple] for rows in each]) for each in shares]
        used = [rows for rows in used if len(rows)]
        assert len(used) == {1: 4, 2: 2 if split else 3}[multiple]

        logs, expected_logs = (
            trained.fit(batches_of(images), shuffle=False, verbose=0).history
            for trained, images in ((model, map(np.concatenate, parts)), (expected, used))
        )
        # Batch norm sums over the replicas in another order.
        atol = 0 if not split else 1e-4 if "gan" in name else 1e-6
        np.testing.assert_allclose(tiny.weights(model), tiny.weights(expected), rtol=0, atol=atol)
        assert int(model.optimizer.iterations.numpy()) == len(used)
        for key, values in expected_logs.items():
            np.testing.assert_allclose(logs[key], values, rtol=1e-4, atol=1e-4, err_msg=key)


@pytest.mark.parametrize("name", ["factor_vae", "info_wgan_gp"])
def test_a_graph_skips_a_batch_that_is_too_small(name):
    model, expected = (tiny.make(name, compiled=each, **tiny.PARAMETERS.get(name, {})) for each in (None, EAGERLY))
    logs = model.fit(tiny.images(9), batch_size=8, shuffle=False, verbose=0).history
    expected_logs = expected.fit(tiny.images(9)[:8], batch_size=8, shuffle=False, verbose=0).history
    # A graph with a branch is rounded differently.
    for key, values in expected_logs.items():
        np.testing.assert_allclose(logs[key], values, rtol=1e-4, err_msg=key)
    np.testing.assert_allclose(tiny.weights(model), tiny.weights(expected), atol=1e-4)
    assert int(model.optimizer.iterations.numpy()) == int(expected.optimizer.iterations.numpy()) == 1


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", ["factor_vae", "joint_factor_vae", "info_wgan_gp"])
def test_a_batch_of_known_size_need_not_be_a_multiple(name):
    # Keras's default of 32 is not a multiple of 5.
    parameters = tiny.PARAMETERS[name] | ({"n_critic": 5} if name == "info_wgan_gp" else {})
    model, expected = (tiny.make(name, **parameters) for _ in range(2))
    multiple = model.batch_multiple
    size = 32 + multiple // 2
    images = tiny.images(size)
    model.fit(tf.data.Dataset.from_tensors(images), shuffle=False, verbose=0)
    expected.fit(images[: size // multiple * multiple], batch_size=size, shuffle=False, verbose=0)
    np.testing.assert_array_equal(tiny.weights(model), tiny.weights(expected))


def batches_of(arrays):
    arrays = list(arrays)
    spec = tf.TensorSpec((None, *arrays[0].shape[1:]))
    dataset = tf.data.Dataset.from_generator(lambda: iter(arrays), output_signature=spec)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(arrays)))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", ["vae", "joint_factor_vae", "info_wgan_gp"])
def test_the_librarys_networks_take_images_of_any_size(name, tmp_path):
    shape = (10, 7, 1)
    small = {"discriminator": {"depth": 1, "units": 4}} if MODELS[name].discriminator_sizes else {}
    model = create(name, shape, latent_dim=2, **small)
    images = tiny.images(max(4, model.batch_multiple), shape=shape)
    model.fit(images, verbose=0)
    model.evaluate(images, verbose=0)
    codes = model.predict(images, verbose=0)
    scores = evaluate(model, images, metrics=["total_correlation"], num_images=4)
    assert scores["encoded"] == len(images)
    encoder = load_saved_model(export_encoder(model, tmp_path / "1"))
    np.testing.assert_allclose(encoder(images)["mean"], codes["mean"], atol=1e-4)
    draw_traversals(tmp_path / "traversals.png", model, as_image_data(images))
    assert model.decode(decoder_inputs(codes)).shape == images.shape
