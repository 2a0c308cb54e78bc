import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.data import batches
from tfvae.models import MODELS

X = tiny.images(8)
pytestmark = pytest.mark.usefixtures("eager")


class Endless(keras.utils.PyDataset):
    num_batches = None

    def __getitem__(self, index):
        return (X,)


@pytest.mark.parametrize("make", [lambda: batches(X, 8), Endless, lambda: batches(X, 8).map(lambda x: (x, x))])
def test_data_without_an_end_are_refused_without_a_number_of_steps(make):
    model, endless = tiny.make("vae"), make()
    before = tiny.weights(model)
    with pytest.raises(ValueError, match=r"Expected steps_per_epoch, .* no end\. Received: steps_per_epoch=None"):
        model.fit(endless, shuffle=False, verbose=0)
    with pytest.raises(ValueError, match=r"Expected validation_steps, .* no end"):
        model.fit(X, validation_data=endless, verbose=0)
    for run in (model.evaluate, model.predict):
        with pytest.raises(ValueError, match=r"Expected steps, .* no end"):
            run(endless, verbose=0)
    np.testing.assert_array_equal(before, tiny.weights(model))
    model.fit(endless, shuffle=False, steps_per_epoch=2, validation_data=endless, validation_steps=1, verbose=0)
    assert model.optimizer.iterations == 2
    assert len(model.evaluate(endless, steps=1, verbose=0)) == 3
    assert len(model.predict(endless, steps=2, verbose=0)["mean"]) == 16


def test_data_without_an_end_are_refused_on_replicas_too(mirrored):
    model = tiny.make("vae", scope=mirrored.scope)
    with pytest.raises(ValueError, match="no end"):
        model.fit(mirrored.experimental_distribute_dataset(batches(X, 8)), shuffle=False, verbose=0)


@pytest.mark.parametrize(
    "data", [X[:1], tf.constant(X[:1]), tf.data.Dataset.from_tensors(X[:1])], ids=lambda x: type(x).__name__
)
def test_batches_that_could_never_make_a_step_are_refused(data):
    with pytest.raises(
        ValueError, match=r"at least 2 images a replica.*FactorVAE.* Received: batches of 1 on 1 replica"
    ):
        tiny.make("factor_vae").fit(data, shuffle=False, verbose=0)
    tiny.make("vae").fit(data, shuffle=False, verbose=0)


@pytest.mark.usefixtures("eager")
def test_batches_that_could_never_make_a_step_on_replicas_are_refused(copying):
    model = tiny.make("factor_vae", scope=copying.scope)
    with pytest.raises(ValueError, match=r"at least 2 images a replica.* Received: batches of 2 on 2 replica"):
        model.fit(X, batch_size=2, verbose=0)
    model.fit(X[:3], batch_size=3, verbose=0)
    assert model.optimizer.iterations == 1


def test_the_arguments_are_those_of_keras():
    for name in ("fit", "evaluate", "predict"):
        assert inspect.signature(getattr(MODELS["vae"], name)) == inspect.signature(getattr(keras.Model, name))
    with pytest.raises(TypeError, match="batch_sizes"):
        tiny.make("vae").fit(X, batch_sizes=8)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", tiny.one_of_each("test_step", "paired"))
def test_evaluate_gives_one_value_for_each_name(name):
    model = tiny.make(name, **tiny.PARAMETERS.get(name, {}))
    assert model.metrics_names == list(model.logged)
    examples = tiny.examples(name, X)
    values = model.evaluate(examples, verbose=0)
    named = model.evaluate(examples, verbose=0, return_dict=True)
    assert dict(zip(model.metrics_names, values, strict=True)) == named


@pytest.mark.parametrize("weights", [{"sample_weight": np.zeros(8)}, {"class_weight": {0: 1.0}}], ids=list)
def test_weights_are_refused_without_labels_too(weights):
    # Keras drops them without labels.
    with pytest.raises(ValueError, match=f"does not support sample weights.*Received: {next(iter(weights))}"):
        tiny.make("vae").fit(X, verbose=0, **weights)
