import pytest

from tests import tiny
from tests.training.runs import run
from tfvae.training.steps import StepCounter

pytestmark = pytest.mark.usefixtures("eager")


class Steps(StepCounter):
    """The step after each call of TensorFlow."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        self.seen.append(self.step)


def fit(model, counter):
    model.fit(tiny.images(32), batch_size=8, verbose=0, callbacks=[counter])
    return counter.seen


@pytest.mark.parametrize("together", [1, 2, 4])
def test_steps_are_counted_over_fits_and_executions(together):
    model = tiny.make("vae", compiled={"steps_per_execution": together})
    counter = Steps()
    for _ in range(2):
        fit(model, counter)
    assert counter.seen == list(range(together, 9, together))
    # A counter that comes later starts at what the optimizer has counted, or at what it is given.
    assert fit(model, Steps()) == list(range(8 + together, 13, together))
    assert fit(model, Steps(first_step=100)) == list(range(100 + together, 105, together))


def test_a_run_states_the_step_at_which_it_resumes(tmp_path):
    run(tiny.experiment(steps=3), tmp_path)
    counter = Steps(first_step=100)
    run(tiny.experiment(steps=6), tmp_path, callbacks=[counter])
    assert counter.seen == [4, 5, 6]


def test_steps_whose_float16_gradients_overflow_are_counted(tmp_path):
    counter = Steps()
    settings = {"model": "vae", "architecture": "table_1", "parameters": {}, "optimizers": {}}
    settings |= {"precision": "mixed_float16"}
    model = run(tiny.experiment(**settings), tmp_path, callbacks=[counter])
    assert counter.seen == list(range(1, 9))
    assert model.optimizer.iterations < 8
