"""Images that a model does not take are refused with XLA as without it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.models import VAE

X = tiny.images(8)
WRONG = [(255 * X, r"values from 0 to 255"), (np.where(X.max() == X, np.nan, X), "values from nan to nan")]


def generated(images):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return (images,)

    return Batches()


@pytest.mark.parametrize("name", ["vae", "factor_vae"])
def test_values_out_of_range_are_refused_before_anything_changes(name):
    model = tiny.make(name, compiled={"jit_compile": True}, **tiny.PARAMETERS.get(name, {}))
    before = tiny.weights(model), tiny.optimizer_state(model)
    for make in (lambda images: images, tf.data.Dataset.from_tensors, generated):
        for images, received in WRONG:
            with pytest.raises(ValueError, match=rf"Expected images, .*Received: {received}"):
                model.fit(make(images), verbose=0, shuffle=False)
    np.testing.assert_array_equal(before[0], tiny.weights(model))
    np.testing.assert_array_equal(before[1], tiny.optimizer_state(model))
    assert model.jit_compile is True
    assert model.get_compile_config()["jit_compile"] is True


@pytest.mark.parametrize("run", ["evaluate", "predict"])
def test_evaluate_and_predict_refuse_them_too(run):
    model = tiny.make("vae", compiled={"jit_compile": True})
    getattr(model, run)(X, verbose=0)
    for images, received in WRONG:
        with pytest.raises(ValueError, match=rf"Expected images, .*Received: {received}"):
            getattr(model, run)(images, verbose=0)


def test_xla_compiles_a_step_of_a_subclass_which_learns_what_it_learns_without():
    graphs, jit = [], []

    class Watched(VAE):
        def train_step(self, data):
            return super().train_step(data)

        def loss_terms(self, images, posterior, z):
            graphs.append(images.graph)
            return super().loss_terms(images, posterior, z)

    models = {}
    for compiled in (True, False):
        # XLA draws other noise.
        models[compiled] = tiny.without_noise(Watched(tiny.encoder(), tiny.decoder()))
        models[compiled].compile(keras.optimizers.SGD(0.01), jit_compile=compiled)
        models[compiled].fit(X, batch_size=4, shuffle=False, verbose=0)
        nodes = graphs[-1].outer_graph.as_graph_def().node
        jit.append(any(node.attr["_XlaMustCompile"].b for node in nodes))
    np.testing.assert_allclose(*(tiny.weights(model) for model in models.values()), atol=1e-5)
    assert jit == [True, False]
