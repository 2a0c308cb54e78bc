import inspect

import pytest

from tests import tiny
from tfvae.models import MODELS
from tfvae.models.fixed import _arguments
from tfvae.models.weights import weights_of


@pytest.mark.parametrize("name", MODELS)
def test_what_a_compiled_step_holds_cannot_be_set(name):
    model = MODELS[name](**tiny.shared_networks_of(name))
    model.compile()
    model.seed = 3  # before the first step
    model.test_function = model.make_test_function()
    arguments = _arguments(type(model))
    assert {"seed", *model.networks} <= arguments
    of_class = set(inspect.signature(type(model).__init__).parameters) - {"self", "kwargs"}
    assert of_class - arguments == of_class & set(weights_of(type(model)))
    for argument in arguments & set(vars(model)):
        with pytest.raises(AttributeError, match=f"Expected {argument} to be set before fit and evaluate"):
            setattr(model, argument, object())
    model.seed = 3  # the same value
    model.compile()
    model.seed = 4


def test_a_model_that_runs_eagerly_takes_all():
    model = tiny.make("vae")
    model.compile(run_eagerly=True)
    model.fit(tiny.images(4), batch_size=4, verbose=0)
    model.seed = 5
    assert model.seed == 5
