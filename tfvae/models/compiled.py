"""XLA for the steps of a model, after the check of its images, which XLA would leave out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import keras
import tensorflow as tf

from tfvae.models import passes


def checked_before_xla(step: Callable[[Any, Any], Any], **kind: bool) -> Callable[[Any, Any], Any]:
    """A step of a model that XLA compiles if `compile` asked for it, behind the check of its images.

    XLA drops assertions. In a graph, the images are therefore checked before the part that XLA compiles.

    Args:
        step: of a model, whose argument is what Keras gives it.
        kind: what `Model.images_of` takes besides.
    """

    @wraps(step)
    def run(self: Any, data: Any) -> Any:
        # A step within a step, as of a subclass that calls its parent's, is compiled with it.
        if tf.executing_eagerly() or passes.is_running() or not self.jit_compile:
            return step(self, data)
        _, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        data = keras.utils.pack_x_y_sample_weight(self.images_of(data, **kind), labels, weights)
        return tf.function(partial(step, self), jit_compile=True, autograph=False)(data)

    return run


@contextmanager
def compiled_by_step(model: keras.Model) -> Iterator[None]:
    """Within, Keras makes functions that leave XLA to the steps themselves."""
    wanted = model.jit_compile
    model.jit_compile = False
    try:
        yield
    finally:
        model.jit_compile = wanted
